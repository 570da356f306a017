"""Off the bus: batches that wait are counted together, each once; what cannot be is parked and holds up nobody."""

import contextlib
import hashlib
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import func, select

from services.usage import tables
from services.usage.counters.statistics import Statistics
from services.usage.intake import batch_validation as acceptance
from services.usage.intake.batch_intake import BatchIntake, retry
from services.usage.intake.metering import Metering
from services.usage.intake.parked_batches import BODY_BYTES_MAX, PARKED_MAX, ParkedBatches
from shared.gate.metering.meter import BATCH_BYTES
from shared.gate.metering.refusal_aggregation import REQUESTS_MAX
from shared.messaging.publishing import EventPublisher
from shared.observability import metrics
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.usage_examples import batch, framed, record

OWN = framed(record())
NOT_WRITTEN = "malformed: record 0 has a number that no gate writes"


class Bus:
    def __init__(self) -> None:
        self.counted: list[tuple[str, int]] = []
        self.is_away = False

    def publish(self, type_: str, body: Any) -> None:
        assert type_ == "BatchesCounted"
        if self.is_away:
            raise BusUnavailable("away")
        self.counted += [tuple(one) for one in body["batches"]]


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def parked(usage_database: Database) -> ParkedBatches:
    return ParkedBatches(usage_database)


@pytest.fixture
def intake(metering: Metering, parked: ParkedBatches, bus: Bus, clock: ManualClock) -> BatchIntake:
    return BatchIntake(metering, parked, cast("EventPublisher", bus), clock, batches_max=3)


def body(**different: Any) -> Any:
    """A batch on the bus. Its extent is that of its records, unless `different` says another."""
    sent = msgspec.to_builtins(batch(record())) | different
    if "end" not in different:
        with contextlib.suppress(UnicodeError):
            sent["end"] = sent["start"] + framed(*sent["records"])
    return sent


def stored(database: Database) -> int:
    with database.reading() as tx:
        return tx.execute(select(func.count()).select_from(tables.request)).scalar_one()


def a_record(**different: Any) -> list[Any]:
    one: list[Any] = msgspec.to_builtins(record(**different))
    return one


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"segment": 7}, "malformed: Expected `str`, got `int` - at `$.segment`"),
        ("no batch at all", "malformed: Expected `object`, got `str`"),
        (body(records=[["r"]]), "malformed: Expected `array` of at least length 12"),
        (body(schema_version=2), "schema version 2 is not supported; the supported version is 1"),
        (body(schema_version="2"), "schema version 2 is not supported; the supported version is 1"),
        (body(start=5, records=[]), "malformed: its extent must be 0 <= start < end < 2**63"),
        (body(start=-1), "malformed: its extent must be 0 <= start < end < 2**63"),
        (body(start=2**63 - 1), "malformed: its extent must be 0 <= start < end < 2**63"),
        (body(end=2**62, records=[]), "malformed: its records take 0 bytes of a segment, not 46116"),
        (body(end=2**62), f"malformed: its records take {OWN} bytes of a segment, not 46116"),
        (body(end=OWN + 1), f"malformed: its records take {OWN} bytes of a segment, not {OWN + 1}"),
        (body(end=OWN - 1), f"malformed: its records take {OWN} bytes of a segment, not {OWN - 1}"),
        (body(segment=""), "malformed: its segment must be named by 1 to 32 printable characters"),
        (body(segment="s" * 33), "malformed: its segment must be named by 1 to 32 printable characters"),
        (
            body(records=[a_record(), a_record(at=NOON + timedelta(days=366, seconds=1))]),
            "from the future: record 1 is",
        ),
        (body(records=[a_record(route="/" * 101)]), "malformed: record 0 has a field that cannot be stored"),
        (body(records=[a_record(user_agent="\0")]), "malformed: record 0 has a field that cannot be stored"),
        (body(records=[a_record(user_agent="\ud800")]), "malformed: its records cannot be written as JSON: Unicode"),
        (body(records=[a_record(organisation_id=None)]), "malformed: record 0 has a field that cannot be stored"),
        (body(records=[a_record(status=2**31)]), NOT_WRITTEN),
        (body(records=[a_record(size=-1)]), NOT_WRITTEN),
        (body(records=[a_record(size=2**63 - 1)]), NOT_WRITTEN),
        (body(records=[a_record(at=datetime(1969, 12, 31, tzinfo=UTC))]), "malformed: record 0 is dated before 1970"),
        (body(records=[a_record(requests=0)]), NOT_WRITTEN),
        (body(records=[a_record(requests=250_000, cost=0)]), NOT_WRITTEN),
        (
            body(records=[a_record(), a_record(requests=REQUESTS_MAX + 1, cost=0)]),
            "malformed: record 1 has a number that no gate writes",
        ),
        (body(records=[a_record(requests=2, cost=1)]), NOT_WRITTEN),
        (body(records=[a_record(cost=2)]), NOT_WRITTEN),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, str) else "",
)
def test_what_cannot_be_counted_is_parked_with_its_reason_and_the_next_one_counted(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, usage_database: Database, sent: Any, reason: str
) -> None:
    for one in (sent, sent, body(segment="good")):
        intake.take(one)
    (kept,) = parked.all()
    assert kept.reason.startswith(reason)
    assert (bus.counted, stored(usage_database)) == ([("good", 0)], 1)


@pytest.mark.parametrize("days", [100, 3, -3, -100])
def test_what_a_wrong_clock_wrote_is_counted_at_once_and_on_the_day_that_its_gate_took_it_for(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, usage_database: Database, days: int
) -> None:
    """The gate has spent it of that day's limit."""
    at = NOON + timedelta(days=days)
    intake.take(body(records=[a_record(at=at)]))
    assert (bus.counted, parked.all()) == ([("segment", 0)], ())
    assert Statistics(usage_database).spent_on("key_a", at.toordinal()) == 1


def test_a_batch_from_a_far_future_is_counted_when_its_time_has_come(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, metering: Metering, clock: ManualClock
) -> None:
    early = body(records=[a_record(at=NOON + timedelta(days=367))])
    intake.take(early)
    (kept,) = parked.all()
    assert retry(kept.id, parked, metering, clock) == kept.reason
    clock.advance(86_400)
    intake.take(early)
    assert (bus.counted, parked.all()) == ([("segment", 0)], ())


def test_a_parked_batch_is_counted_on_demand_and_its_gate_told_later(
    intake: BatchIntake,
    parked: ParkedBatches,
    bus: Bus,
    metering: Metering,
    clock: ManualClock,
    usage_database: Database,
) -> None:
    early = body(records=[a_record(at=NOON + timedelta(days=367))])
    intake.take(early)
    clock.advance(86_400)
    (kept,) = parked.all()
    assert retry(kept.id, parked, metering, clock) is None
    assert (parked.all(), bus.counted, stored(usage_database)) == ((), [], 1)
    intake.take(early)
    assert (bus.counted, stored(usage_database)) == ([("segment", 0)], 1)


def test_one_that_the_database_refuses_is_found_among_those_it_came_with(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something that the checks do not know of yet."""
    count_all = metering.take_in_all

    def refusing(batches: Any, accounts: Any) -> Any:
        if any(one.segment == "bad" for one in batches):
            raise UnicodeError
        return count_all(batches, accounts)

    monkeypatch.setattr(metering, "take_in_all", refusing)
    together(intake, [body(segment=segment) for segment in ("a", "bad", "b", "c")])
    assert sorted(bus.counted) == [("a", 0), ("b", 0), ("c", 0)]
    assert [kept.id for kept in parked.all()] == ["bad/0"]


@pytest.mark.parametrize("wrong", [{"status": 2**40}, {"user_agent": "a \0"}], ids=["by the server", "by the driver"])
def test_what_a_copy_does_not_take_is_parked_and_the_others_counted(
    postgresql_database: Database, clock: ManualClock, bus: Bus, monkeypatch: pytest.MonkeyPatch, wrong: Any
) -> None:
    monkeypatch.setattr(acceptance, "_fits", lambda _: True)
    monkeypatch.setattr(acceptance, "_is_writable", lambda _: True)
    metering, parked = Metering(postgresql_database), ParkedBatches(postgresql_database)
    intake = BatchIntake(metering, parked, cast("EventPublisher", bus), clock, batches_max=3)
    together(intake, [body(segment="a"), body(segment="bad", records=[a_record(**wrong)]), body(segment="b")])
    assert [(kept.id, kept.reason) for kept in parked.all()] == [("bad/0", "the database refused it: DataError")]
    assert (sorted(bus.counted), stored(postgresql_database)) == ([("a", 0), ("b", 0)], 2)


def test_batches_that_wait_are_counted_together_within_bounds(
    intake: BatchIntake, bus: Bus, metering: Metering, usage_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[int] = []
    count_all = metering.take_in_all

    def noting(batches: Any, accounts: Any) -> Any:
        transactions.append(len(batches))
        return count_all(batches, accounts)

    monkeypatch.setattr(metering, "take_in_all", noting)
    sent = [msgspec.to_builtins(batch(*[record()] * 30, segment=f"s{number}")) for number in range(9)]
    together(intake, sent)
    assert stored(usage_database) == 270
    assert sorted(bus.counted) == [(f"s{number}", 0) for number in range(9)]
    assert transactions == [3, 3, 3]


def together(intake: BatchIntake, bodies: list[Any]) -> None:
    """All of them wait before the first has its turn."""
    combiner = intake._count_soon
    combiner._is_led = True
    threads = [threading.Thread(target=intake.take, args=(one,)) for one in bodies]
    for thread in threads:
        thread.start()
    while len(combiner._waiting) < len(bodies):
        threading.Event().wait(0.001)
    with combiner._changed:
        combiner._is_led = False
        combiner._changed.notify_all()
    for thread in threads:
        thread.join()


def test_a_forged_size_takes_no_other_batch_of_its_key_with_it(
    intake: BatchIntake, bus: Bus, usage_database: Database
) -> None:
    intake.take(body(segment="forged", records=[a_record(size=2**63 - 1)]), "sensors")
    together(intake, [body(segment=segment) for segment in ("a", "b")])
    assert (sorted(bus.counted), stored(usage_database)) == ([("a", 0), ("b", 0)], 2)


def test_a_batch_that_nobody_could_be_told_of_is_told_when_it_comes_again(
    intake: BatchIntake, bus: Bus, usage_database: Database
) -> None:
    bus.is_away = True
    intake.take(body())
    bus.is_away = False
    intake.take(body())
    assert (bus.counted, stored(usage_database)) == ([("segment", 0)], 1)


def test_a_batch_that_claims_what_is_not_its_own_swallows_no_later_one(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, usage_database: Database
) -> None:
    for forged in (body(end=2**62, records=[]), body(end=2**62), body(start=OWN, end=2**62, records=[])):
        intake.take(forged)
    intake.take(body())
    intake.take(body(start=OWN))
    assert (bus.counted, stored(usage_database)) == ([("segment", 0), ("segment", OWN)], 2)
    assert parked.all() == ()  # both forged ones were in the name of batches that came after all


def test_a_batch_partly_inside_what_is_counted_is_parked_and_counted_as_an_attempt(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, metering: Metering, clock: ManualClock
) -> None:
    attempts = overlapping()
    for start in (100, 100 + OWN // 2, 100 - OWN // 2, 100):
        intake.take(body(start=start))
    wide = body(start=100 - OWN // 2, records=[a_record()] * 2)
    intake.take(wide)
    assert bus.counted == [("segment", 100), ("segment", 100)]
    assert overlapping() == attempts + 3
    reason = "overlaps what is counted of its segment, and is not inside it"
    assert [(kept.id, kept.reason) for kept in parked.all()] == [
        (f"segment/{100 + OWN // 2}", reason),
        (f"segment/{100 - OWN // 2}", reason),
    ]
    assert retry(parked.all()[0].id, parked, metering, clock) == reason


def test_a_segment_belongs_to_the_account_that_first_sent_it(
    intake: BatchIntake, parked: ParkedBatches, bus: Bus, usage_database: Database
) -> None:
    intake.take(body(), "sensors")
    refused = metrics.batches_counted.labels("foreign")._value.get()
    for forged in (body(start=OWN), body(), body(start=OWN // 2), body(end=2**62), body(start=5, schema_version=2)):
        intake.take(forged, "usage")
    assert (bus.counted, stored(usage_database), parked.all()) == ([("segment", 0)], 1, ())
    assert metrics.batches_counted.labels("foreign")._value.get() == refused + 5
    intake.take(body(start=OWN), "sensors")
    intake.take(body(segment="another"), "usage")
    assert bus.counted[1:] == [("segment", OWN), ("another", 0)]


def test_a_segment_of_before_accounts_is_taken_by_the_first_that_sends_it(
    intake: BatchIntake, bus: Bus, usage_database: Database
) -> None:
    intake.take(body())
    intake.take(body(start=OWN), "sensors")
    intake.take(body(start=2 * OWN), "usage")
    assert (bus.counted, stored(usage_database)) == ([("segment", 0), ("segment", OWN)], 2)


def test_what_is_given_back_while_parked_counts_for_the_account_that_sent_it(
    intake: BatchIntake, parked: ParkedBatches, metering: Metering, clock: ManualClock, bus: Bus
) -> None:
    """Nobody had sent the segment then; by now it is another's."""
    intake.take(body(start=5 * OWN, records=[a_record(at=NOON + timedelta(days=367))]), "usage")
    intake.take(body(), "sensors")
    clock.advance(86_400)
    (kept,) = parked.all()
    assert retry(kept.id, parked, metering, clock) == "its segment is another account's"


def test_batches_of_gates_of_all_releases_are_counted(intake: BatchIntake, bus: Bus, usage_database: Database) -> None:
    """The first wrote twelve fields, the next ones add at the end; an extent is that of what was written."""
    whole = a_record(user_agent='été \x7f " \\ \n\u2028')
    for number, one in enumerate((whole[:12], whole[:13], whole, [*whole, None, 5, ["x"], {"a": 1}])):
        intake.take(body(segment=f"s{number}", records=[one, one]))
    intake.take(body(segment="most", records=[a_record(requests=REQUESTS_MAX, cost=0, status=401)]))
    assert [segment for segment, _ in bus.counted] == ["s0", "s1", "s2", "s3", "most"]
    assert stored(usage_database) == 9


def test_one_account_s_junk_takes_no_other_s_place(intake: BatchIntake, usage_database: Database) -> None:
    for number in range(PARKED_MAX + 3):
        intake.take({"segment": f"s{number}"}, "sensors")
    intake.take({"segment": "of another"}, "usage")
    intake.take({"segment": "of nobody"})
    with usage_database.reading() as tx:
        accounts = Counter(tx.execute(select(tables.parked_batch.c.account)).scalars())
    assert accounts == {"sensors": PARKED_MAX, "usage": 1, None: 1}


def test_of_a_body_larger_than_any_gate_s_its_size_and_digest_are_kept(
    intake: BatchIntake, parked: ParkedBatches, metering: Metering, clock: ManualClock
) -> None:
    largest = {"junk": "x" * (BODY_BYTES_MAX - len(json.dumps({"junk": ""})))}
    for sent in (largest, {"junk": largest["junk"] + "x"}):
        intake.take(sent, "sensors")
    kept = {one.id: parked.sent(one.id)[0] for one in parked.all()}
    text = json.dumps({"junk": largest["junk"] + "x"})
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert kept == {
        hashlib.sha256(json.dumps(largest).encode()).hexdigest(): largest,
        digest: {"bytes": BODY_BYTES_MAX + 1, "sha256": digest},
    }
    assert str(retry(digest, parked, metering, clock)).startswith("malformed: ")


def test_the_largest_batch_of_a_gate_is_kept_whole(
    intake: BatchIntake, parked: ParkedBatches, clock: ManualClock, metering: Metering
) -> None:
    one = a_record(at=NOON + timedelta(days=367), user_agent="é" * 200)
    early = body(records=[one] * (1 + (BATCH_BYTES + 64 * 1024) // framed(one)))
    intake.take(early)
    clock.advance(86_400)
    (kept,) = parked.all()
    assert retry(kept.id, parked, metering, clock) is None


def overlapping() -> float:
    return metrics.batches_counted.labels("overlapping")._value.get()  # type: ignore[no-any-return]  # a counter's
