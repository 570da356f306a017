"""What was taken in raises alerts a moment later: each once, told once, kept up while it is met, resolved when over."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select

from services.usage import assembly, tables
from services.usage.alerting import tables as alerting
from services.usage.alerting.alerts.alert import Alert, AlertStore
from services.usage.alerting.evaluation.conditions import QUIET
from services.usage.alerting.evaluation.evaluator import NEW_SOURCES_A_DAY_MAX, Evaluator
from services.usage.alerting.evaluation.observation import ExpiryCleared, ExpiryWarning
from services.usage.alerting.evaluation.queue import queue_evaluation
from services.usage.alerting.rules.rule import ExpiringParameters, Kind, QuotaParameters, Rule, default_id
from services.usage.alerting.rules.rule_store import RuleStore, make_defaults
from services.usage.epoch_microseconds import microseconds
from services.usage.intake.metering import Metering
from services.usage.notifications import tables as delivering
from services.usage.notifications.channel import Channel
from services.usage.notifications.channel import Kind as ChannelKind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.retention.erasure import erase
from shared.contracts.usage import RequestMetered
from shared.gate.grants.grant import Limits
from shared.runtime.clock import ManualClock
from shared.sql.database import Database, DatabaseBusy
from shared.sql.migrations import migrate
from tests.examples import NOON
from tests.integration.usage.intake.test_metering import record

ORGANISATION = "org_railway"
POLICY = {"standard": Limits(minute=10, day=100), "premium": Limits(minute=1000, day=None)}
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@dataclass
class World:
    """Usage's database with one organisation of two keys and a channel, and what evaluates it."""

    database: Database
    clock: ManualClock
    labels: set[tuple[str, str]] = field(default_factory=set)
    batches: int = 0

    def __post_init__(self) -> None:
        migrate(self.database, assembly.MIGRATIONS)
        self.metering, self.alerts = Metering(self.database), AlertStore(self.database)
        self.rules, self.channels = RuleStore(self.database, self.clock), ChannelStore(self.database)
        self.evaluator = self.another_evaluator()
        with self.database.transaction() as tx:
            tx.execute(insert(tables.known_organisation).values(organisation_id=ORGANISATION, tier="standard"))
            for key_id in ("key_a", "key_b"):
                row = {"key_id": key_id, "organisation_id": ORGANISATION, "hint": "grl_abcd…wxyz"}
                tx.execute(insert(tables.known_key).values(row))
            make_defaults(tx, ORGANISATION, NOON)
        self.channels.add(channel())

    def another_evaluator(self) -> Evaluator:
        return Evaluator(self.database, POLICY, lambda _, key_id, label: (key_id, label) in self.labels, self.clock)

    def take_in(self, *moments: datetime, **different: Any) -> None:
        records = tuple(record(at=at, **{"address": "", "user_agent": ""} | different) for at in moments)
        self.batches += 1
        self.metering.take_in(RequestMetered(segment="s", start=self.batches, end=self.batches + 1, records=records))

    def see(self, *moments: datetime, **different: Any) -> list[Alert]:
        """The alerts raised by it, in no order."""
        known = {alert.id for alert in self.raised()}
        self.take_in(*moments, **different)
        self.evaluator.run()
        return [alert for alert in self.raised() if alert.id not in known]

    def raised(self, kind: Kind | None = None) -> list[Alert]:
        found = self.alerts.of_organisation(ORGANISATION, limit=1000)
        return [alert for alert in found if kind in (None, alert.kind)]

    def told(self) -> list[dict[str, Any]]:
        with self.database.reading() as tx:
            query = select(delivering.delivery.c.payload).order_by(delivering.delivery.c.created_at)
            return [json.loads(payload) for payload in tx.execute(query).scalars()]

    def announced(self) -> list[str]:
        with self.database.reading() as tx:
            return list(tx.execute(select(alerting.announcement.c.type).order_by(alerting.announcement.c.id)).scalars())

    def change(self, kind: Kind, **different: Any) -> None:
        rule = self.rules.get(ORGANISATION, default_id(ORGANISATION, kind))
        self.rules.change(replace(rule, **different), None)

    def add_rule(self, kind: Kind, parameters: Any, **different: Any) -> None:
        fields: dict[str, Any] = {"id": f"rul_{kind}", "organisation_id": ORGANISATION, "created_at": NOON}
        self.rules.add(Rule(**fields | {"kind": kind, "parameters": parameters} | different))


def channel(**different: Any) -> Channel:
    fields: dict[str, Any] = {
        "id": "chn_1",
        "organisation_id": ORGANISATION,
        "kind": ChannelKind.WEBHOOK,
        "target": "https://hooks.example.org/grillo",
        "events": ("AlertRaised", "AlertResolved"),
        "created_at": NOON,
    }
    return Channel(**fields | different)


@pytest.fixture
def world(database: Database, clock: ManualClock) -> World:
    return World(database, clock)


def evenly(count: int, seconds: float, *, until: datetime = NOON) -> list[datetime]:
    """`count` moments within the last `seconds`, the last of them at `until`."""
    return [until - timedelta(seconds=seconds * at / count) for at in range(count)]


def test_eighty_percent_of_a_minute_raise_one_alert_whose_payload_says_of_what(world: World) -> None:
    assert world.see(*evenly(7, 50)) == []
    (alert,) = world.see(NOON)
    facts = {name: getattr(alert.facts, name) for name in ("window", "threshold_percent", "limit", "used", "at")}
    assert facts == {"window": "minute", "threshold_percent": 80, "limit": 10, "used": 8, "at": NOON}
    assert world.see(NOON) == []
    (told,) = world.told()
    assert (told["type"], told["data"]["alert_id"]) == ("AlertRaised", alert.id)
    assert told["data"]["key_hint"] == "grl_abcd…wxyz"
    assert told["data"]["facts"]["used"] == 8
    assert world.announced() == ["AlertRaised"]


def test_sixty_seconds_are_counted_wherever_the_minutes_of_the_clock_end(world: World) -> None:
    late = NOON + 30 * SECOND
    assert len(world.see(*evenly(8, 59, until=late))) == 1
    assert [alert for alert in world.see(*evenly(8, 70, until=late), key_id="key_b") if alert.key_id == "key_b"] == []


def test_what_passes_both_thresholds_at_once_raises_both(world: World) -> None:
    raised = world.see(*evenly(10, 50))
    assert sorted(alert.facts.threshold_percent or 0 for alert in raised) == [80, 100]


def test_the_day_has_thresholds_of_its_own_and_ends_at_midnight(world: World) -> None:
    morning = NOON.replace(hour=1)
    spread = [morning + 7 * MINUTE * at for at in range(80)]
    (alert,) = world.see(*spread)
    assert (alert.facts.window, alert.facts.used, alert.facts.limit) == ("day", 80, 100)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at is None
    world.clock.advance(12 * 3600)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at == NOON + 12 * HOUR


@pytest.mark.parametrize("size", [1, 3, 8])
def test_the_crossing_is_seen_whatever_the_batches_and_whoever_else_counts(world: World, size: int) -> None:
    """Two evaluators share the work, as two processes would: each sees half of the batches, and all of the counts."""
    moments, other = sorted(evenly(8, 50)), world.another_evaluator()
    for number, start in enumerate(range(0, 8, size)):
        world.take_in(*moments[start : start + size])
        (world.evaluator if number % 2 else other).run()
    assert len(world.raised(Kind.QUOTA)) == 1


def test_refused_requests_cost_nothing_and_raise_nothing_of_the_quota(world: World) -> None:
    world.see(*evenly(19, 50), cost=0, status=429)
    assert world.raised(Kind.QUOTA) == []


def test_an_alert_is_over_when_it_was_not_met_for_a_while_and_stays_while_it_is(world: World) -> None:
    world.see(*evenly(8, 50))
    for _ in range(3):
        world.clock.advance(240)
        assert world.see(*evenly(8, 50, until=world.clock.now())) == []
        world.evaluator.settle()
        assert world.raised()[0].resolved_at is None
    world.clock.advance(QUIET.total_seconds() + 1)
    world.evaluator.settle()
    assert world.raised()[0].resolved_at == world.clock.now()
    assert [told["type"] for told in world.told()] == ["AlertRaised", "AlertResolved"]
    assert world.announced() == ["AlertRaised", "AlertResolved"]
    world.evaluator.settle()
    assert len(world.told()) == 2


def test_what_comes_again_after_it_was_over_is_told_again_but_not_in_the_same_hour(world: World) -> None:
    world.see(*evenly(8, 50))
    world.clock.advance(600)
    world.evaluator.settle()
    assert world.see(*evenly(8, 50, until=world.clock.now())) == []
    world.clock.advance(3600)
    world.evaluator.settle()
    assert len(world.see(*evenly(8, 50, until=world.clock.now()))) == 1


def test_a_key_s_own_limits_and_an_unlimited_day_count(world: World) -> None:
    with world.database.transaction() as tx:
        tx.execute(tables.known_key.update().where(tables.known_key.c.key_id == "key_b").values(minute_limit=2))
    (alert,) = world.see(NOON, NOON, key_id="key_b")[:1]
    assert alert.facts.limit == 2
    with world.database.transaction() as tx:
        tx.execute(tables.known_organisation.update().values(tier="premium"))
    assert world.see(*[NOON - MINUTE * at for at in range(200)]) == []


def test_half_of_the_requests_failing_is_told_and_a_few_failures_are_not(world: World) -> None:
    assert world.see(*evenly(19, 200), status=500, cost=0) == []
    (alert,) = world.see(NOON, status=404, cost=0)
    assert (alert.kind, alert.facts.requests, alert.facts.failed) == ("error-rate", 20, 20)
    assert world.see(*evenly(30, 200), status=200, cost=0, key_id="key_b") == []
    assert world.see(*evenly(20, 200), status=400, cost=0, key_id="key_b") == []


def test_the_first_use_from_elsewhere_is_told_and_where_a_key_was_used_first_is_not(world: World) -> None:
    known = {"address": "192.0.2.7", "user_agent": "curl"}
    assert world.see(NOON, **known) == []
    assert world.see(NOON, **known) == []
    (alert,) = world.see(NOON, address="198.51.100.9", user_agent="curl")
    assert (alert.kind, alert.facts.source, alert.facts.address) == ("new-source", "address", "198.51.100.9")
    world.evaluator = world.another_evaluator()  # a new process knows it from the database
    assert world.see(NOON, address="198.51.100.9", user_agent="curl") == []
    (alert,) = world.see(NOON, address="192.0.2.7", user_agent="sqlmap")
    assert (alert.facts.source, alert.facts.user_agent) == ("user-agent", "sqlmap")
    assert world.see(NOON, key_id="key_b", address="203.0.113.1", user_agent="curl") == []


def test_one_caller_s_many_ipv6_addresses_are_one_place(world: World) -> None:
    assert world.see(NOON, address="2001:db8:1:2::1") == []
    assert world.see(NOON, address="2001:db8:1:2:ffff::9") == []
    assert len(world.see(NOON, address="2001:db8:1:3::1")) == 1


def test_a_key_that_is_suddenly_everywhere_raises_so_many_alerts_a_day_and_no_more(world: World) -> None:
    for at in range(40):
        world.see(NOON - timedelta(minutes=at), address=f"198.51.100.{at}")
    assert len(world.raised(Kind.NEW_SOURCE)) == NEW_SOURCES_A_DAY_MAX


def test_a_dead_key_used_is_one_alert_a_day_with_the_first_request(world: World) -> None:
    dead: dict[str, Any] = {"status": 401, "cost": 0, "address": "192.0.2.7"}
    (alert,) = world.see(NOON, NOON - HOUR, NOON + HOUR, **dead)
    assert (alert.kind, alert.facts.at, alert.facts.address) == ("dead-key-used", NOON - HOUR, "192.0.2.7")
    assert world.see(NOON + HOUR, **dead) == []
    assert len(world.see(NOON + DAY, **dead)) == 1
    assert world.see(NOON, key_id=None, status=401, cost=0) == []


def test_a_deleted_key_used_is_told_without_who_used_it(world: World) -> None:
    with world.database.transaction() as tx:
        tx.execute(delete(tables.known_key).where(tables.known_key.c.key_id == "key_a"))
        erase(tx, "key_a")
    (alert,) = world.see(NOON, status=401, cost=0, address="192.0.2.7", user_agent="curl")
    assert (alert.kind, alert.key_id, alert.facts.at) == ("dead-key-used", "key_a", NOON)
    assert (alert.facts.address, alert.facts.user_agent) == ("", "")


def test_refusals_that_were_counted_together_are_as_many_errors_as_they_stand_for(world: World) -> None:
    world.take_in(NOON)
    raised = world.see(NOON, status=403, cost=0, requests=20)
    assert [alert.kind for alert in raised] == ["error-rate"]


def test_many_times_the_usual_is_told_and_a_key_without_a_past_has_no_usual(world: World) -> None:
    world.change(Kind.QUOTA, muted=True)
    assert [alert for alert in world.see(*evenly(600, 1800), key_id="key_b") if alert.kind == "volume"] == []
    hour = microseconds(NOON) // 3_600_000_000
    with world.database.transaction() as tx:
        rows = [{"key_id": "key_a", "hour": hour - ago, "requests": 30} for ago in range(2, 30)]
        tx.execute(insert(alerting.key_hour), rows)
    world.see(*evenly(149, 1800))
    assert world.raised(Kind.VOLUME) == []
    world.clock.advance(61)
    (alert,) = [alert for alert in world.see(NOON) if alert.kind == "volume"]
    assert (alert.facts.requests, alert.facts.per_hour) == (150, 30.0)


def test_the_hours_of_a_week_are_kept_and_older_ones_are_not(world: World) -> None:
    world.see(*evenly(5, 60))
    world.evaluator.settle()
    world.clock.advance(30)
    world.see(*evenly(2, 60))
    world.evaluator.settle()  # not a minute since: nothing is written yet
    world.clock.advance(31)
    world.evaluator.settle()

    def kept() -> int:
        with world.database.reading() as tx:
            return sum(tx.execute(select(alerting.key_hour.c.requests)).scalars())

    assert kept() == 7
    world.clock.advance(9 * 86_400)
    world.evaluator.settle()
    assert kept() == 0


def near(reason: str, days_left: int, expires_at: datetime = NOON + DAY) -> ExpiryWarning:
    return ExpiryWarning(
        key_id="key_a",
        organisation_id=ORGANISATION,
        warned_at=NOON,
        expires_at=expires_at,
        days_left=days_left,
        reason=reason,
    )


def hear(world: World, *heard: ExpiryWarning | ExpiryCleared) -> None:
    with world.database.transaction() as tx:
        for one in heard:
            queue_evaluation(tx, one)
    world.evaluator.run()


def test_a_warning_of_keys_is_an_alert_once_and_over_when_the_key_was_seen_to(world: World) -> None:
    hear(world, near("time", 14), near("time", 14), near("unused", 7))
    assert sorted(alert.kind for alert in world.raised()) == ["key-expiring", "key-unused"]
    hear(world, ExpiryCleared(key_id="key_a", at=NOON))
    assert all(alert.resolved_at for alert in world.raised())


def test_an_unused_key_that_is_used_again_is_unused_no_more(world: World) -> None:
    hear(world, near("unused", 7), near("time", 1))
    world.see(NOON)
    assert {alert.kind: alert.resolved_at is None for alert in world.raised()} == {
        "key-unused": False,
        "key-expiring": True,
    }


def test_a_rule_for_the_last_day_is_not_met_two_weeks_before(world: World) -> None:
    world.change(Kind.KEY_EXPIRING, parameters=ExpiringParameters(days=1))
    hear(world, near("time", 14), near("time", 3))
    assert world.raised() == []
    hear(world, near("time", 1))
    assert len(world.raised()) == 1


def test_a_rule_is_about_the_keys_it_names_or_those_that_carry_its_label(world: World) -> None:
    for kind in (Kind.QUOTA, Kind.NEW_SOURCE):
        world.rules.delete(ORGANISATION, default_id(ORGANISATION, kind))
    half = QuotaParameters(thresholds_percent=(50,))
    world.add_rule(Kind.QUOTA, half, id="rul_named", key_ids=("key_b",))
    world.add_rule(Kind.QUOTA, half, id="rul_labelled", label="env:prod")
    assert world.see(*evenly(5, 50)) == []
    assert [alert.rule_id for alert in world.see(*evenly(5, 50), key_id="key_b")] == ["rul_named"]
    world.labels.add(("key_a", "env:prod"))
    assert [alert.rule_id for alert in world.see(NOON)] == ["rul_labelled"]


def test_a_muted_rule_raises_and_tells_nobody_until_it_is_unmuted(world: World) -> None:
    world.change(Kind.QUOTA, muted=True)
    (alert,) = world.see(*evenly(8, 50))
    assert (alert.muted, world.told(), world.announced()) == (True, [], ["AlertRaised"])
    world.change(Kind.QUOTA, muted=False)
    world.see(*evenly(8, 50), key_id="key_b")
    assert [told["data"]["key_id"] for told in world.told()] == ["key_b"]


def test_a_rule_tells_its_own_channels_and_each_takes_what_it_asked_for(world: World) -> None:
    world.channels.add(channel(id="chn_2", events=("AlertResolved",)))
    world.channels.add(channel(id="chn_3"))
    world.channels.add(channel(id="chn_4", organisation_id="org_2"))
    world.channels.add(channel(id="chn_5", disabled_at=NOON))
    world.change(Kind.QUOTA, channels=("chn_2", "chn_3", "chn_4", "chn_5"))
    world.see(*evenly(8, 50))
    with world.database.reading() as tx:
        assert list(tx.execute(select(delivering.delivery.c.channel_id)).scalars()) == ["chn_3"]


def test_a_deleted_default_rule_does_not_return(world: World) -> None:
    world.rules.delete(ORGANISATION, default_id(ORGANISATION, Kind.QUOTA))
    with world.database.transaction() as tx:
        make_defaults(tx, ORGANISATION, NOON)
    assert world.see(*evenly(9, 50)) == []


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


def test_alerts_are_the_organisation_s_own_page_by_page(world: World) -> None:
    world.see(*evenly(10, 50))
    world.clock.advance(1)
    world.see(*evenly(10, 50), key_id="key_b")
    assert world.alerts.of_organisation("org_2", limit=10) == ()
    pages: list[Alert] = []
    after = None
    while page := world.alerts.of_organisation(ORGANISATION, 1, after):
        pages += page
        after = (microseconds(page[-1].raised_at), page[-1].id)
    assert pages == world.raised()
    assert len(pages) == 4


def test_an_alert_of_before_belongs_to_its_organisation_s_default_rule(
    tmp_path: Path, move_to: Callable[[Database, str], None]
) -> None:
    database = Database.sqlite(tmp_path / "old.db")
    move_to(database, "0002")
    facts = '{"at":"2026-11-23T12:00:00Z","request_id":"r","route":"/v1","address":"192.0.2.7","user_agent":"curl"}'
    with database.transaction() as tx:
        tx.exec_driver_sql(
            "INSERT INTO alert VALUES ('alr_1', 'dead-key-used', 'org_1', 'key_1', '2026-11-23', ?, 1)", (facts,)
        )
    migrate(database, assembly.MIGRATIONS)
    (alert,) = AlertStore(database).of_organisation("org_1", limit=10)
    assert alert.rule_id == default_id("org_1", Kind.DEAD_KEY_USED)
    assert msgspec.to_builtins(alert.facts) == json.loads(facts)
    database.close()


@pytest.fixture
def move_to() -> Callable[[Database, str], None]:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    def move(database: Database, revision: str) -> None:
        scripts = ScriptDirectory(str(assembly.MIGRATIONS))
        with database.transaction() as tx:
            step: Any = lambda at, _context: scripts._upgrade_revs(revision, at)  # noqa: E731
            context = MigrationContext.configure(tx, opts={"fn": step})
            with Operations.context(context):
                context.run_migrations()

    return move
