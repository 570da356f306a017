"""Seismic events to write: any that can be read."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from services.sensors.catalogue.queries import SeismicEventView
from services.sensors.catalogue.seismic_event import event_id
from services.sensors.catalogue.solution import Solution, StationArrivals, Status
from shared.values.names import NotAName, visible

_FIRST, _LAST = datetime(1, 1, 2), datetime(2026, 11, 23)  # noqa: DTZ001  hypothesis takes naive bounds
_PUBLIC_IDS = (
    "smi:org.example/event/1",
    "quakeml:earthquake.example.gov/fdsnws/event/1/query?eventid=ci1&format=quakeml",
    "smi:local/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
    "smi:org.example/a#b",
)
_moments = st.datetimes(_FIRST, _LAST, timezones=st.just(UTC))
_codes = st.text("ABC0", min_size=1, max_size=5)
_metres_as_km = st.integers(0, 20_000_000).map(lambda metres: round(metres / 1000, 3))


def _visible(text: str) -> str:
    try:
        return visible(text)
    except NotAName:
        return "x"


# Read, "null" is nothing said: some agencies write it so.
_any_words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20).map(_visible)
_words = _any_words.filter(lambda words: words != "null")


def _number(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most).map(lambda value: value + 0.0)  # no -0.0


def _estimate(most: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(0, most, exclude_min=True)


def _nearest_first(stations: list[StationArrivals]) -> tuple[StationArrivals, ...]:
    def place(one: StationArrivals) -> tuple[bool, float, str, str]:
        return one.distance_km is None, one.distance_km or 0.0, one.station_code, one.network_code

    return tuple(sorted(stations, key=place))


_station = st.builds(
    StationArrivals,
    station_code=_codes,
    network_code=st.just("") | _codes,
    distance_km=st.none() | _metres_as_km,
    p_arrival=_moments,
    s_arrival=st.none() | _moments,
)
_stations = st.lists(_station, max_size=3, unique_by=lambda one: (one.network_code, one.station_code))


@st.composite
def solutions(draw: st.DrawFn) -> Solution:
    has_depth, has_magnitude = draw(st.booleans()), draw(st.booleans())
    types = st.none() | st.sampled_from(["Mw", "mb_Lg", "Mw(mB)", "M & <L>"])
    return Solution(
        origin_time=draw(_moments),
        latitude=draw(_number(-90, 90)),
        longitude=draw(_number(-180, 180)),
        depth_km=draw(_number(-10, 1000)) if has_depth else None,
        depth_uncertainty_km=draw(_estimate(1e6)) if has_depth else None,
        horizontal_uncertainty_km=draw(_estimate(1e6)),
        magnitude=draw(_number(-5, 12)) if has_magnitude else None,
        magnitude_type=draw(types) if has_magnitude else None,
        magnitude_uncertainty=draw(_estimate(10)) if has_magnitude else None,
        location_description=draw(st.none() | _words),
        status=draw(st.none() | st.sampled_from(Status)),
        event_type=draw(st.none() | st.sampled_from(["earthquake", "quarry blast"])),
        stations_used=draw(st.none() | st.integers(0, 1000)),
        azimuthal_gap=draw(st.none() | _number(0, 360)),
        rms_residual=draw(_estimate(1e6)),
        stations=_nearest_first(draw(_stations)),
    )


@st.composite
def views(draw: st.DrawFn) -> SeismicEventView:
    return view(draw(solutions()), draw(st.sampled_from(_PUBLIC_IDS)), draw(st.none() | _moments))


def view(
    solution: Solution, public_id: str = "smi:org.example/event/1", said_at: datetime | None = None
) -> SeismicEventView:
    source = public_id.partition(":")[2].partition("/")[0]
    return SeismicEventView(
        id=event_id("org_1", source, public_id),
        network_id=None,
        source=source,
        public_id=public_id,
        solution=solution,
        said_at=said_at,
        revision=1,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )
