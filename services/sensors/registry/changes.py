"""Changes of a sensor that is there: what holds of it from one time to another, and how it is configured. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.sensors.registry.configuration import Configuration
from services.sensors.registry.epoch import OF_SENSOR, Facts, Place
from services.sensors.registry.events import SensorConfigured, SensorEpochStated, SensorEvent
from services.sensors.registry.sensor import Sensor, evolve
from shared.values.revision import SeenRevisions

EPOCHS_MAX = 500
"""Of the whole sensor, or of one of its axes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEpoch:
    """What a file, or somebody, says of a time. `axis` None: of the whole sensor. Times None: since ever, for ever."""

    axis: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    facts: Facts
    source: str


class SensorIsDeleted(Exception):
    """It was there when the command was given."""


class TooManyEpochs(Exception):
    def __init__(self) -> None:
        super().__init__(f"a sensor, and each of its axes, has at most {EPOCHS_MAX} epochs: join those that are alike")


def decide_epochs(state: Sensor | None, told: Iterable[StateEpoch], now: datetime) -> tuple[SensorEvent, ...]:
    """States what is not known yet. One that was deleted has no epochs. Raises TooManyEpochs."""
    events: list[SensorEvent] = []
    for one in told:
        if state is None:
            return ()
        event = SensorEpochStated(
            sensor_id=state.sensor_id,
            organisation_id=state.organisation_id,
            axis=one.axis,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            facts=one.facts,
            source=one.source,
            stated_at=now,
        )
        after = evolve(state, event)
        if after is not None and after.epochs != state.epochs:
            if len(after.epochs[one.axis or OF_SENSOR]) > EPOCHS_MAX:
                raise TooManyEpochs
            events.append(event)
            state = after
    return tuple(events)


def decide_configuration(
    state: Sensor | None, configuration: Configuration, seen: SeenRevisions, now: datetime, *, is_located: bool
) -> tuple[SensorEvent, ...]:
    """Configures the sensor, if it is not so already. `is_located`: its location was named, and holds from now on,
    also where it is as before: a description may have moved the sensor since.

    Raises SensorIsDeleted, RevisionDiffers or TooManyEpochs.
    """
    if state is None:
        raise SensorIsDeleted
    seen.check(state.revision)
    events: tuple[SensorEvent, ...] = ()
    if configuration != state.configuration:
        events = (
            SensorConfigured(
                sensor_id=state.sensor_id,
                organisation_id=state.organisation_id,
                revision=state.revision + 1,
                configuration=configuration,
                configured_at=now,
            ),
        )
    location = configuration.location
    if location is None or not is_located:
        return events
    place = Place(
        latitude=location.latitude,
        longitude=location.longitude,
        elevation_m=location.elevation,
        site_name=location.site_name,
    )
    moved = StateEpoch(axis=None, starts_at=now, ends_at=None, facts=Facts(place=place), source="its configuration")
    return (*events, *decide_epochs(state, (moved,), now))
