"""A deleted key's callers are forgotten, also by a batch that is taken in at the very same moment."""

import threading

from sqlalchemy import select

from services.usage import tables
from services.usage.intake.metering import Metering
from services.usage.retention import erasure
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.usage_examples import batch, record


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
