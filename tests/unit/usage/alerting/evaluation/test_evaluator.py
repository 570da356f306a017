"""What was taken in is evaluated a moment later: whatever the batches, once, and nothing is lost on the way."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from services.usage.alerting import tables as alerting
from services.usage.alerting.rules.rule import Kind
from services.usage.retention.erasure import erase
from shared.sql.database import DatabaseBusy
from tests.examples import NOON
from tests.unit.usage.alerting.world import World, evenly


@pytest.mark.parametrize("size", [1, 3, 8])
def test_the_crossing_is_seen_whatever_the_batches_and_whoever_else_counts(world: World, size: int) -> None:
    """Two evaluators share the work, as two processes would: each sees half of the batches, and all of the counts."""
    moments, other = sorted(evenly(8, 50)), world.another_evaluator()
    for number, start in enumerate(range(0, 8, size)):
        world.take_in(*moments[start : start + size])
        (world.evaluator if number % 2 else other).run()
    assert len(world.raised(Kind.QUOTA)) == 1


def test_a_crash_between_counting_and_evaluating_loses_no_alert_and_doubles_none(world: World) -> None:
    world.take_in(*evenly(8, 50))
    crashed = world.another_evaluator()

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    crashed._write = dies  # type: ignore[method-assign, assignment]  # between the reading and the writing
    with pytest.raises(KeyboardInterrupt):
        crashed.run()
    assert world.evaluator.run() == 1
    assert world.another_evaluator().run() == 0


def test_what_cannot_be_evaluated_is_stepped_over_and_holds_up_nothing(world: World) -> None:
    with world.database.transaction() as tx:
        tx.execute(insert(alerting.pending_evaluation).values(body='{"type": "of a release to come"}'))
    assert len(world.see(*evenly(8, 50))) == 1
    with world.database.reading() as tx:
        assert tx.execute(select(alerting.pending_evaluation)).first() is None


def test_a_key_deleted_between_the_look_and_the_writing_leaves_no_address(world: World) -> None:
    world.see(NOON, address="192.0.2.7", user_agent="curl")
    world.take_in(NOON, address="198.51.100.9", user_agent="curl")
    write = world.evaluator._write

    def after_the_deletion(found: Any) -> int:
        with world.database.transaction() as tx:
            erase(tx, "key_a")
        return write(found)

    world.evaluator._write = after_the_deletion  # type: ignore[method-assign]
    assert world.evaluator.run() == 1
    assert "198.51.100.9" not in str(world.raised()) + str(world.told())
    with world.database.reading() as tx:
        assert tx.execute(select(alerting.seen_source)).all() == []


def test_a_database_that_is_busy_loses_nothing_of_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take_in(*evenly(8, 50))

    def busy(*_: Any) -> int:
        raise DatabaseBusy("usage")

    with monkeypatch.context() as patched:
        patched.setattr(world.evaluator, "_write", busy)
        with pytest.raises(DatabaseBusy):
            world.evaluator.run()
    assert world.evaluator.run() == 1
