"""Witness of a log that nobody follows: asks its service each minute where it ends, and keeps what that signs."""

from collections.abc import Callable

import msgspec
import structlog
from sqlalchemy import Connection, Table, delete, func, select, update

from shared.eventsourcing.audit import Anchor
from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient
from shared.replication.kept_heads import KeptHeads, give_up, read_kept_heads
from shared.replication.proof import unproved
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_heads import SignedHead
from shared.sql.database import Database, upsert

KEEP_SECONDS = 60
_ASK_SECONDS_MAX = 5.0
_log = structlog.get_logger(__name__)

AskHead = Callable[[], SignedHead | None]


class HeadKeeper:
    def __init__(
        self, name: str, database: Database, table: Table, ask: AskHead, verifier: Verifier | None = None
    ) -> None:
        """`name`: of this witness, as audits tell it. `ask`: None where the service signs nothing."""
        self._name, self._database, self._table, self._ask = name, database, table, ask
        self._kept, self._verifier = KeptHeads(name, table), verifier

    def keep(self) -> None:
        """Never raises: what is missed now is signed again in a minute."""
        try:
            head = self._proved_head()
            if head is None or not self._kept.is_new(head):
                return
            lacks = self._lacks(head)
            if lacks:
                # Another process may have kept a later answer than this one. One to a question of now is later still.
                head = self._proved_head()
                if head is None:
                    return
            with self._database.transaction(urgent=True) as tx:
                if lacks:
                    self._keep_what_is_gone(tx, head)
                self._kept.keep(tx, head)
        except FeedUnavailable as error:
            _log.warning("head_not_kept", detail=str(error))
        except Exception:
            _log.exception("head_not_kept")

    def anchors(self) -> tuple[Anchor, ...]:
        with self._database.reading() as tx:
            return witnessed(tx, self._table, self._name)

    def _proved_head(self) -> SignedHead | None:
        head = self._ask()
        if head is not None and self._verifier is not None and not head.is_signed(self._verifier):
            unproved.count("head")
            return None
        return head

    def _lacks(self, head: SignedHead) -> bool:
        """Whether the service had been offered more samples, as a head says that is kept."""
        if head.offered is None:
            return False
        table = self._table
        with self._database.reading(once=True) as tx:
            most = tx.execute(select(func.max(table.c.offered)).where(table.c.follower == self._name)).scalar_one()
        return most is not None and most > head.offered

    def _keep_what_is_gone(self, tx: Connection, head: SignedHead) -> None:
        """The head that tells most of what the service lacks stays for ever, under another name."""
        table = self._table
        is_more = (table.c.follower == self._name) & (table.c.offered > (head.offered or 0))
        most = tx.execute(select(table).where(is_more).order_by(table.c.offered.desc()).limit(1)).one_or_none()
        if most is None:
            return
        gone = dict(most._mapping) | {"follower": gone_from(self._name), "is_final": True}
        tx.execute(upsert(tx, table).on_conflict_do_nothing(), gone)
        tx.execute(update(table).where(is_more).values(offered=None, signer="", signature=""))
        _log.error(
            "log_service_put_back", witness=self._name, until=most.seen_at, samples=most.offered - (head.offered or 0)
        )


def gone_from(witness: str) -> str:
    """Under which name that is kept which the service does not know any more."""
    return f"{witness} put back"


def witnessed(tx: Connection, table: Table, witness: str) -> tuple[Anchor, ...]:
    """All heads that a witness keeps, also those that tell of what is gone."""
    return tuple(anchor for name in (witness, gone_from(witness)) for anchor in read_kept_heads(tx, table, name))


def give_up_witnessed(tx: Connection, table: Table, witness: str) -> None:
    """What is gone is accepted: what was kept is compared with no more."""
    give_up(tx, table, witness)
    tx.execute(delete(table).where(table.c.follower == gone_from(witness)))


def remote_head(client: InternalClient, *, seconds_max: float = _ASK_SECONDS_MAX) -> AskHead:
    """Asks another service's internal door."""

    def ask() -> SignedHead | None:
        told = client.get("/internal/head", {}, seconds_max)
        try:
            return msgspec.json.decode(told, type=SignedHead) if told else None
        except msgspec.DecodeError as error:
            raise FeedUnavailable(f"its head cannot be read: {error}") from error

    return ask
