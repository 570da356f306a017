"""The recordings to try the system with are there, and claim no place they do not know."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from services.sensors.ingest.samples import SamplesMissing, read_sample, sample_files
from tests.examples import NOON


def test_every_sample_reads_whole_and_only_shipped_coordinates_are_stated() -> None:
    places = {}
    channels = set()
    for sample in sample_files():
        result = read_sample(sample, now=NOON)
        assert result.rejected == ()
        for recording in result.recordings:
            places[f"{recording.network}.{recording.station}"] = recording.latitude, recording.longitude
            channels |= {f"{recording.station}{segment.axis[-4:]}" for segment in recording.segments}
    assert places == {
        "BW.UH1": (None, None),
        "BW.UH2": (None, None),
        "BW.UH3": (None, None),
        "BW.UH4": (None, None),
        "IU.ANMO": (34.94591, -106.4572),
        "IU.ULN": (47.8651, 107.0532),
        "NZ.CRLZ": (-43.57641, 172.6231),
    }
    assert {"UH1.SHZ", "UH2.SHZ", "UH3.SHE", "UH3.SHN", "UH3.SHZ", "UH4.EHZ"} <= channels


def test_an_obspy_without_its_test_data_is_named_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stripped = ModuleSpec("obspy", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("services.sensors.ingest.samples.find_spec", lambda _: stripped)
    with pytest.raises(SamplesMissing, match=r"BW\.UH1.*Install ObsPy from PyPI"):
        sample_files()
    assert importlib.util.find_spec("obspy") is not None
