"""`grillo sensors import` on real and on broken files."""

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.running import Embedded, grillo

pytestmark = pytest.mark.xdist_group("embedded")


def test_the_openeew_recordings_of_an_m7_earthquake_are_read_back_through_the_api(
    embedded: Embedded, openeew: Path
) -> None:
    files = [str(file) for file in sorted(openeew.glob("records/2018_2_16/*/*.jsonl.gz"))]
    assert len(files) == 26
    first = _import(embedded, *files)
    again = _import(embedded, *files)
    assert first["rejected"] == []
    assert len(first["sensors"]) == 13
    assert again["samples"]["new"] == 0
    assert again["samples"]["repeated"] == first["samples"]["offered"] == again["samples"]["offered"]
    with embedded.admin() as admin:
        sensor = _sensor(admin, "014")
        data = admin.get(
            f"/v1/sensors/{sensor['id']}/data",
            params={"start": "2018-02-16T23:39:00Z", "end": "2018-02-16T23:41:00Z"},
        ).json()["data"]
    assert data["unit"] == "mGal"
    assert sensor["location"] is not None
    assert {segment["channel"] for segment in data["segments"]} == {"BN1", "BN2", "BNZ"}
    seconds = sum(len(part["samples"]) / part["sample_rate"] for part in data["segments"] if part["channel"] == "BNZ")
    assert 119 < seconds <= 120.1


def test_bad_lines_are_named_and_the_good_ones_kept(embedded: Embedded, openeew: Path, tmp_path: Path) -> None:
    lines = gzip.decompress(next(openeew.glob("records/2020_1_24/001/*.gz")).read_bytes()).splitlines()
    bad = tmp_path / "bad.jsonl"
    renamed = [json.dumps(json.loads(line) | {"device_id": "badl1"}).encode() for line in lines[:20]]
    bad.write_bytes(b"\n".join([*renamed[:3], b"{broken", *renamed[3:10], b'{"x": 1}', *renamed[10:]]))
    summary = _import(embedded, str(bad))
    assert [rejected["line"] for rejected in summary["rejected"]] == [4, 12]
    assert summary["samples"] == {"offered": 1920, "new": 1920, "repeated": 0, "differing": 0, "rejected": 0}
    shown = grillo("sensors", "import", str(bad), "--data", str(embedded.data))
    assert f"{bad}, line 4: " in shown.stderr


def test_a_foreign_or_corrupt_file_costs_only_itself_and_the_exit_status(
    embedded: Embedded, openeew: Path, tmp_path: Path
) -> None:
    rubbish, cut = tmp_path / "holiday.jpg", tmp_path / "cut.jsonl.gz"
    rubbish.write_bytes(bytes(range(256)) * 40)
    good = next(openeew.glob("records/2020_1_24/002/*.gz"))
    cut.write_bytes(good.read_bytes()[:20])
    done = grillo("sensors", "import", str(rubbish), str(good), str(cut), "--data", str(embedded.data), "--json")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert [Path(one["file"]).name for one in summary["files"] if one["file"]] == [good.name]
    assert [Path(failed["file"]).name for failed in summary["failed"]] == ["holiday.jpg", "cut.jsonl.gz"]
    assert "Traceback" not in done.stderr


def test_a_folder_without_data_is_refused_and_stays_empty(tmp_path: Path, openeew: Path) -> None:
    file = next(openeew.glob("records/2020_1_24/002/*.gz"))
    refused = grillo("sensors", "import", str(file), "--data", str(tmp_path))
    assert refused.returncode == 1
    assert "holds no data of grillo's keys service" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def _import(embedded: Embedded, *files: str) -> dict[str, Any]:
    done = grillo("sensors", "import", *files, "--data", str(embedded.data), "--json")
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _sensor(admin: httpx.Client, station: str) -> dict[str, Any]:
    listed = admin.get("/v1/sensors", params={"limit": 100}).json()["data"]
    found: dict[str, Any] = next(sensor for sensor in listed if sensor["station_code"] == station)
    return found
