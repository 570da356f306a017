"""Reader of StationXML (FDSN): where stations stood and how their channels were, as statements of epochs.

It holds no samples: what it says is taken for sensors that there are. Document types and entities are refused, for
files come from strangers.
"""

import math
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from services.sensors.ingest.recording import Described, ReadResult, UnreadableRecording, name_of, opened
from services.sensors.registry.changes import StateEpoch
from services.sensors.registry.device_type import device_type
from services.sensors.registry.epoch import Facts, Orientation, Place, Response

BYTES_MAX = 32 * 2**20
_YEARS = range(1900, 2200)
_CODES = r"(?P<network>[A-Za-z0-9_-]{0,2})\.(?P<station>[A-Za-z0-9_-]{1,5})"
_CHANNEL = r"[A-Za-z0-9_-]{0,2}\.[A-Za-z0-9_-]{1,3}"
_DEVICE_AXES = ("x", "y", "z")
_SERIAL_CHARACTERS_MAX = 100
_GAINS_OFF_MAX = 0.05  # of the sensitivity: gains are often stated rounded

# ObsPy has no types: its Inventory, Network, Station and Channel are Any in this module.


def is_station_xml(head: bytes) -> bool:
    return b"<FDSNStationXML" in head


def read(path: Path) -> ReadResult:
    """Raises UnreadableRecording."""
    from obspy import read_inventory  # here, for it takes a second

    with opened(path) as file:
        content = file.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise UnreadableRecording(path, f"holds more than {BYTES_MAX // 2**20} MB", "Split it by station")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnreadableRecording(path, "it declares a document type or entities", "Take those out")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            inventory = read_inventory(BytesIO(content), format="STATIONXML")
        except Exception as error:  # ObsPy and lxml raise exceptions of many kinds
            said = " ".join(str(error).split())[:300]
            raise UnreadableRecording(
                path, f"it looks like StationXML, but cannot be read ({said})", "Mend it"
            ) from error
    remarks = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    described: list[Described] = []
    for network in inventory:
        for station in network:
            name = f"{network.code}.{station.code}"
            codes = re.fullmatch(_CODES, name)
            if codes is None:
                remarks.append(f"{name!r} are not codes of a network and a station: left out")
                continue
            epochs = tuple(_epochs(station, name_of(path), remarks))
            described.append(Described(network=codes["network"], station=codes["station"], epochs=epochs))
    if not described:
        raise UnreadableRecording(path, "it describes no station", "Give a StationXML of level station or more")
    return ReadResult(
        recordings=(), lines_read=0, rejected=(), warnings=tuple(dict.fromkeys(remarks)), described=tuple(described)
    )


def _epochs(station: Any, source: str, remarks: list[str]) -> Iterator[StateEpoch]:
    latitude, longitude, elevation_m = (
        float(value) for value in (station.latitude, station.longitude, station.elevation)
    )
    place = Place(latitude=latitude, longitude=longitude, elevation_m=elevation_m, site_name=station.site.name or None)
    yield _epoch(None, station, Facts(place=place, **_device(station)), source)
    for channel in station:
        name = f"{channel.location_code}.{channel.code}"
        if re.fullmatch(_CHANNEL, name) is None:
            remarks.append(f"{station.code} {name!r} are not codes of a channel: left out")
            continue
        named: dict[str, Any] = {}
        axis = channel.alternate_code
        if axis in _DEVICE_AXES:
            named = {"location_code": channel.location_code, "channel_code": channel.code}
        else:
            axis = name
        response = _response(channel.response, f"{station.code} {name}", remarks)
        yield _epoch(axis, channel, Facts(**_facts(channel), response=response, **named), source)


def _device(station: Any) -> dict[str, Any]:
    """Of the station's equipment, or of its channels' sensors, if it is one device."""
    described = list(station.equipments or ()) or [one.sensor for one in station if one.sensor is not None]
    types = {device_type(one.model, one.type, one.description) for one in described}
    serials = {one.serial_number for one in described}
    told: dict[str, Any] = {}
    if len(types) == 1:
        told["device_type"] = types.pop()
    if len(serials) == 1 and (serial := serials.pop()):
        told["serial_number"] = str(serial)[:_SERIAL_CHARACTERS_MAX]
    return told


def _facts(channel: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if channel.dip is not None:
        azimuth = None if channel.azimuth is None else float(channel.azimuth)
        facts["orientation"] = Orientation(azimuth=azimuth, dip=float(channel.dip))
    if channel.sample_rate:
        facts["sample_rate_hz"] = float(channel.sample_rate)
    return facts


def _response(told: Any, name: str, remarks: list[str]) -> Response | None:
    """Its sensitivity, unless its own stages contradict that. What is left out is remarked."""
    stages = told.response_stages if told is not None else []
    sensitivity = told.instrument_sensitivity if told is not None else None
    if sensitivity is None or not sensitivity.value or not sensitivity.input_units:
        if stages or sensitivity is not None or (told is not None and told.instrument_polynomial is not None):
            remarks.append(f"{name}: its response states no sensitivity with a unit: left out")
        return None
    gain = _gain_at(sensitivity.frequency, stages)
    if gain is not None and abs(gain / sensitivity.value - 1) > _GAINS_OFF_MAX:
        remarks.append(
            f"{name}: its sensitivity is said to be {sensitivity.value:g}, but the gains of its stages make {gain:g}; "
            "its response is left out"
        )
        return None
    if stages:
        remarks.append("of each response the sensitivity is kept; its stages are left out")
    return Response(
        sensitivity=float(sensitivity.value),
        frequency_hz=float(sensitivity.frequency or 0),
        input_unit=str(sensitivity.input_units)[:40],
    )


def _gain_at(frequency_hz: Any, stages: Any) -> float | None:
    """The product of all stages' gains; None where one is stated at another frequency, or not at all.

    Digital stages state theirs at 0 Hz, and are flat from there to the frequencies that sensitivities are stated at.
    """
    if not stages or any(not one.stage_gain or one.stage_gain_frequency not in (frequency_hz, 0) for one in stages):
        return None
    return math.prod(float(stage.stage_gain) for stage in stages)


def _epoch(axis: str | None, of: Any, facts: Facts, source: str) -> StateEpoch:
    return StateEpoch(
        axis=axis, starts_at=_moment(of.start_date), ends_at=_moment(of.end_date), facts=facts, source=source
    )


def _moment(at: Any) -> datetime | None:
    """None: since ever, or for ever, as years that nobody means are."""
    if at is None or at.year not in _YEARS:
        return None
    moment: datetime = at.datetime
    return moment.replace(tzinfo=UTC)
