"""A deleted key's callers are forgotten, also by a batch that is taken in at the very same moment."""

import threading

from sqlalchemy import select

from services.usage import key_events, tables
from services.usage.intake.metering import Metering
from services.usage.retention import erasure
from shared.contracts.keys import KeyDeleted, OrganisationRegistered
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import HINT, NOON
from tests.gate_examples import ORGANISATION, MemoryLog, created
from tests.usage_examples import batch, record


def _log_with_a_deletion() -> MemoryLog:
    log = MemoryLog(ManualClock(NOON))
    log.append(
        OrganisationRegistered(organisation_id=ORGANISATION, tier="free"),
        *(created(number, key_id=key_id) for number, key_id in enumerate(("key_a", "key_b"))),
        KeyDeleted(key_id="key_a", organisation_id=ORGANISATION, deleted_at=NOON),
    )
    return log


LOG = _log_with_a_deletion().events


def callers(database: Database) -> set[tuple[str, str]]:
    with database.reading() as tx:
        kept = set(tx.execute(select(tables.request.c.key_id, tables.request.c.address)))
        return kept | set(tx.execute(select(tables.last_use.c.key_id, tables.last_use.c.address)))


def test_what_is_stored_is_erased_and_what_comes_later_stored_without(
    usage_database: Database, metering: Metering
) -> None:
    metering.take_in(batch(record(), record(-86_400), record(key_id="key_b")))
    for _ in range(2):
        with usage_database.transaction() as tx:
            erasure.erase(tx, "key_a")
    metering.take_in(batch(record(60), start=1000))
    assert callers(usage_database) == {("key_a", ""), ("key_b", "192.0.2.7")}


def test_a_log_put_back_to_before_the_deletion_brings_nothing_back(
    usage_database: Database, metering: Metering
) -> None:
    """What is followed anew does not tell of the deletion; batches of before it still come."""
    created = [event for event in LOG if event.type != "KeyDeleted"]
    for events in (LOG, created):
        with usage_database.transaction() as tx:
            key_events.reset(tx)
            key_events.apply_all(tx, events)
    metering.take_in(batch(record(secret_hint=HINT), record(60, key_id="key_b")))
    assert callers(usage_database) == {("key_a", ""), ("key_b", "192.0.2.7")}
    with usage_database.reading() as tx:
        assert set(tx.execute(select(tables.known_key.c.key_id)).scalars()) == {"key_b"}
        assert set(tx.execute(select(tables.request.c.secret_hint)).scalars()) == {None}
        pages = [erasure.deleted_page(tx, after, 1) for after in (None, "key_a")]
    assert [([one.key_id for one in page.keys], page.next) for page in pages] == [(["key_a"], None), ([], None)]


def test_a_batch_at_the_very_same_moment_keeps_no_caller(postgresql_database: Database, clock: ManualClock) -> None:
    """The deletion waits for the batch that has its turn; without, it would not see the batch's rows."""
    metering = Metering(postgresql_database)
    erasing = threading.Thread(target=_erase, args=(postgresql_database,))
    with postgresql_database.transaction() as tx:
        # A batch of key_a, taken in up to its end but for the commit.
        metering_of_this = Metering(postgresql_database)
        metering_of_this._database = _Joined(tx)  # type: ignore[assignment]  # the very same, but in this transaction
        metering_of_this.take_in(batch(record()))
        erasing.start()
        erasing.join(0.5)
        assert erasing.is_alive(), "it waits for its turn"
    erasing.join(30)
    metering.take_in(batch(record(60), start=1000))
    assert callers(postgresql_database) == {("key_a", "")}


def _erase(database: Database) -> None:
    with database.transaction() as tx:
        erasure.erase(tx, "key_a")


class _Joined:
    def __init__(self, tx: object) -> None:
        self._tx = tx

    def transaction(self) -> "_Joined":
        return self

    def __enter__(self) -> object:
        return self._tx

    def __exit__(self, *_: object) -> None:
        pass
