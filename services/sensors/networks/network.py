"""A network as an aggregate: `decide` and `evolve`. Pure. Which sensors belong to it is theirs to say."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypeVar, assert_never

from msgspec import UNSET, UnsetType

from services.sensors.networks.events import (
    Detection,
    NetworkAccessChanged,
    NetworkArchived,
    NetworkCreated,
    NetworkDeleted,
    NetworkDescribed,
    NetworkDetectionChanged,
    NetworkEvent,
    NetworkUnarchived,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may be changed of a network. `api_access`: whether keys reach its sensors."""

    name: str
    description: str | None = None
    api_access: bool = True
    accepts_new: bool = True
    archived: bool = False
    detection: Detection = field(default_factory=Detection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`revision` counts its events. A deleted one stays known, so that its id is not given again."""

    network_id: str
    organisation_id: str
    settings: Settings
    revision: int = 1
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateNetwork:
    network_id: str
    organisation_id: str
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionChange:
    """UNSET: stays as it is. None: the detector's own choice."""

    trigger_on: float | UnsetType | None = UNSET
    trigger_off: float | UnsetType | None = UNSET
    stations_min: int | UnsetType | None = UNSET
    window_seconds: float | UnsetType | None = UNSET

    def of(self, present: Detection) -> Detection:
        """What becomes of the present one."""
        members = (one.name for one in fields(Detection))
        return Detection(**{name: _given(getattr(self, name), getattr(present, name)) for name in members})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeNetwork:
    """UNSET: stays as it is. `detection` None: all of it the detector's own choice."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    api_access: bool | UnsetType = UNSET
    accepts_new: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    detection: DetectionChange | UnsetType | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteNetwork:
    """`name`: as who wants it deleted has typed it."""

    name: str


NetworkCommand = CreateNetwork | ChangeNetwork | DeleteNetwork


class NoSuchNetwork(Exception):
    """Never created, deleted, or not for the caller to see."""

    def __init__(self) -> None:
        super().__init__("there is no such network")


class NameDiffers(Exception):
    """The name that was typed is not the network's."""

    def __init__(self) -> None:
        super().__init__("must be the network's name, letter by letter")


class NeverOff(Exception):
    """A detection would end above the ratio at which it begins."""

    def __init__(self) -> None:
        super().__init__("must not be above trigger_on")


def decide(state: Network | None, command: NetworkCommand, now: datetime) -> tuple[NetworkEvent, ...]:
    """Raises NoSuchNetwork, NameDiffers or NeverOff."""
    if isinstance(command, CreateNetwork):
        _check(command.settings.detection)
        return () if state is not None else (_created(command, now),)
    if state is None or state.is_deleted:
        raise NoSuchNetwork
    match command:
        case ChangeNetwork():
            return tuple(_changes(state, command, now))
        case DeleteNetwork(name=name):
            if name != state.settings.name:
                raise NameDiffers
            return (NetworkDeleted(network_id=state.network_id, organisation_id=state.organisation_id, deleted_at=now),)
        case _:
            assert_never(command)


def evolve(state: Network | None, event: NetworkEvent) -> Network | None:
    if isinstance(event, NetworkCreated):
        return Network(
            network_id=event.network_id,
            organisation_id=event.organisation_id,
            settings=Settings(
                name=event.name,
                description=event.description,
                api_access=event.api_access,
                accepts_new=event.accepts_new,
                detection=event.detection,
            ),
        )
    if state is None:
        return None
    state = replace(state, revision=state.revision + 1)
    present = state.settings
    match event:
        case NetworkDescribed():
            return replace(state, settings=replace(present, name=event.name, description=event.description))
        case NetworkAccessChanged():
            access = replace(present, api_access=event.api_access, accepts_new=event.accepts_new)
            return replace(state, settings=access)
        case NetworkDetectionChanged():
            return replace(state, settings=replace(present, detection=event.detection))
        case NetworkArchived() | NetworkUnarchived():
            return replace(state, settings=replace(present, archived=isinstance(event, NetworkArchived)))
        case NetworkDeleted():
            return replace(state, is_deleted=True)
        case _:
            assert_never(event)


def _created(command: CreateNetwork, now: datetime) -> NetworkCreated:
    settings = command.settings
    return NetworkCreated(
        network_id=command.network_id,
        organisation_id=command.organisation_id,
        name=settings.name,
        description=settings.description,
        api_access=settings.api_access,
        accepts_new=settings.accepts_new,
        detection=settings.detection,
        created_at=now,
    )


def _changes(state: Network, command: ChangeNetwork, now: datetime) -> Iterator[NetworkEvent]:
    """One event for each kind of setting that becomes another."""
    present, wanted = state.settings, _wanted(state.settings, command)
    of = {"network_id": state.network_id, "organisation_id": state.organisation_id}
    if (wanted.name, wanted.description) != (present.name, present.description):
        yield NetworkDescribed(**of, name=wanted.name, description=wanted.description, described_at=now)
    if (wanted.api_access, wanted.accepts_new) != (present.api_access, present.accepts_new):
        yield NetworkAccessChanged(**of, api_access=wanted.api_access, accepts_new=wanted.accepts_new, changed_at=now)
    if wanted.detection != present.detection:
        _check(wanted.detection)
        yield NetworkDetectionChanged(**of, detection=wanted.detection, changed_at=now)
    if wanted.archived and not present.archived:
        yield NetworkArchived(**of, archived_at=now)
    if present.archived and not wanted.archived:
        yield NetworkUnarchived(**of, unarchived_at=now)


def _wanted(present: Settings, command: ChangeNetwork) -> Settings:
    change = command.detection
    if change is None:
        detection = Detection()
    elif isinstance(change, UnsetType):
        detection = present.detection
    else:
        detection = change.of(present.detection)
    return Settings(
        name=_given(command.name, present.name),
        description=_given(command.description, present.description),
        api_access=_given(command.api_access, present.api_access),
        accepts_new=_given(command.accepts_new, present.accepts_new),
        archived=_given(command.archived, present.archived),
        detection=detection,
    )


def _check(detection: Detection) -> None:
    """Raises NeverOff."""
    on, off = detection.trigger_on, detection.trigger_off
    if on is not None and off is not None and off > on:
        raise NeverOff


def _given(wanted: T | UnsetType, present: T) -> T:
    return present if isinstance(wanted, UnsetType) else wanted
