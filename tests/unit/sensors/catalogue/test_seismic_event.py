"""Decisions about a seismic event: right events, refusal, quiet."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from services.sensors.catalogue.events import (
    CatalogueEvent,
    CatalogueEventAdded,
    CatalogueEventRevised,
    CatalogueEventWithdrawn,
)
from services.sensors.catalogue.seismic_event import NeverHappened, SeismicEvent, TakeEvent, decide, event_id, evolve
from services.sensors.catalogue.solution import Solution

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST = Solution(origin_time=NOON, latitude=16.218, longitude=-98.013, magnitude=7.1)
BETTER = replace(FIRST, magnitude=7.2)
TAKE = TakeEvent(
    organisation_id="org_1",
    source="mx.ssn",
    public_id="smi:mx.ssn/event/1",
    network_id=None,
    solution=FIRST,
    said_at=None,
)


def after(*commands: TakeEvent) -> SeismicEvent | None:
    state: SeismicEvent | None = None
    for command in commands:
        state = reduce(evolve, decide(state, command, NOON), state)
    return state


def said(solution: Solution | None, minutes: int | None = None) -> TakeEvent:
    return replace(TAKE, solution=solution, said_at=None if minutes is None else NOON + timedelta(minutes=minutes))


def decided(command: TakeEvent, *before: TakeEvent) -> list[type[CatalogueEvent]]:
    return [type(event) for event in decide(after(*before), command, NOON)]


def test_an_event_that_is_seen_first_is_added_under_an_id_of_its_organisation_and_source() -> None:
    (added,) = decide(None, TAKE, NOON)
    assert isinstance(added, CatalogueEventAdded)
    assert added.event_id == event_id("org_1", "mx.ssn", "smi:mx.ssn/event/1")
    others = {event_id(*who, "smi:mx.ssn/event/1") for who in (("org_2", "mx.ssn"), ("org_1", "mx.other"))}
    assert len({added.event_id, *others}) == 3


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ([said(FIRST)], said(FIRST)),
        ([said(FIRST, 1)], said(FIRST, 2)),
        # an older file, after a newer one
        ([said(BETTER, 2)], said(FIRST, 1)),
        ([said(BETTER, 2)], said(None, 1)),
        # the whole series again
        ([said(FIRST), said(BETTER)], said(FIRST)),
        ([said(FIRST), said(None)], said(FIRST)),
    ],
)
def test_what_was_said_before_is_nothing_new(before: list[TakeEvent], command: TakeEvent) -> None:
    assert decided(command, *before) == []


def test_what_its_source_says_otherwise_now_revises_it() -> None:
    assert decided(said(BETTER), said(FIRST)) == [CatalogueEventRevised]
    assert decided(said(BETTER, 2), said(FIRST, 1)) == [CatalogueEventRevised]


def test_a_source_may_come_back_to_what_it_said_before_if_it_says_when() -> None:
    assert decided(said(FIRST, 3), said(FIRST, 1), said(BETTER, 2)) == [CatalogueEventRevised]


def test_an_event_that_its_source_withdraws_is_there_no_more_until_it_is_told_again() -> None:
    withdrawn = (said(FIRST), said(None))
    assert decided(said(None), said(FIRST)) == [CatalogueEventWithdrawn]
    assert decided(said(None), *withdrawn) == []
    assert decided(said(BETTER), *withdrawn) == [CatalogueEventRevised]


def test_what_was_never_there_cannot_be_withdrawn() -> None:
    with pytest.raises(NeverHappened):
        decide(None, said(None), NOON)


def test_a_network_that_is_named_takes_the_event_and_one_that_is_not_leaves_it() -> None:
    in_network = replace(TAKE, network_id="net_1")
    assert decided(in_network, TAKE) == [CatalogueEventRevised]
    assert decided(TAKE, in_network) == []
    revised = after(in_network, said(BETTER))
    assert revised is not None
    assert (revised.network_id, revised.solution) == ("net_1", BETTER)
