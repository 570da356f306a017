"""Arrivals of one origin of QuakeML: when its waves came to each station, by the picks that they refer to."""

import re
from collections import defaultdict
from datetime import datetime
from typing import Any

from services.sensors.catalogue.circle import KM_PER_DEGREE
from services.sensors.catalogue.reading import found
from services.sensors.catalogue.reading.elements import child, children, value_of
from services.sensors.catalogue.reading.found import Unusable
from services.sensors.catalogue.solution import StationArrivals

STATIONS_MAX = 500
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,8}", re.ASCII)
_Station = tuple[str, str]


def stations(event: Any, origin: Any) -> tuple[StationArrivals, ...]:
    """The nearest STATIONS_MAX. Of several waves of a kind, the first to come. Raises Unusable."""
    picks = {pick.get("publicID"): pick for pick in children(event, "pick")}
    times: dict[_Station, dict[str, datetime]] = defaultdict(dict)
    distances: dict[_Station, float] = {}
    for arrival in children(origin, "arrival"):
        pick = picks.get(value_of(arrival, "pickID"))
        wave = (value_of(arrival, "phase") or "")[:1].upper()
        if pick is None or wave not in ("P", "S") or (text := value_of(pick, "time", "value")) is None:
            continue
        station, at = _station(pick), found.moment(text, "pick")
        times[station][wave] = min(at, times[station].get(wave, at))
        if (degrees := value_of(arrival, "distance")) is not None:
            distances[station] = round(found.number(degrees, "distance", 0, 180) * KM_PER_DEGREE, 3)
    told = [
        StationArrivals(
            station_code=code,
            network_code=network,
            distance_km=distances.get((network, code)),
            p_arrival=waves.get("P"),
            s_arrival=waves.get("S"),
        )
        for (network, code), waves in times.items()
    ]
    return tuple(sorted(told, key=_nearest_first)[:STATIONS_MAX])


def _nearest_first(told: StationArrivals) -> tuple[bool, float, str, str]:
    return told.distance_km is None, told.distance_km or 0.0, told.station_code, told.network_code


def _station(pick: Any) -> _Station:
    stream = child(pick, "waveformID")
    network, code = ("" if stream is None else stream.get(name, "") for name in ("networkCode", "stationCode"))
    if _CODE.fullmatch(code) is None or (network and _CODE.fullmatch(network) is None):
        raise Unusable(f"stationCode: must be of 1 to 8 letters and digits, not {code!r:.20}")
    return network, code
