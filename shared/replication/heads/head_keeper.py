"""Witness of a log that nobody follows: asks its service each minute where it ends, and keeps what that signs."""

from collections.abc import Callable

import msgspec
import structlog
from sqlalchemy import Table

from shared.eventsourcing.audit import Anchor
from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient
from shared.replication.kept_heads import KeptHeads, read_kept_heads
from shared.replication.proof import unproved
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_heads import SignedHead
from shared.sql.database import Database

KEEP_SECONDS = 60
_ASK_SECONDS_MAX = 5.0
_HEAD_BYTES_MAX = 4096
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
            head = self._ask()
            if head is None or not self._kept.is_new(head):
                return
            if self._verifier is not None and not head.is_signed(self._verifier):
                unproved.count("head")
                return
            with self._database.transaction() as tx:
                self._kept.keep(tx, head)
        except FeedUnavailable as error:
            _log.warning("head_not_kept", detail=str(error))
        except Exception:
            _log.exception("head_not_kept")

    def anchors(self) -> tuple[Anchor, ...]:
        with self._database.reading() as tx:
            return read_kept_heads(tx, self._table, self._name)


def remote_head(client: InternalClient, *, seconds_max: float = _ASK_SECONDS_MAX) -> AskHead:
    """Asks another service's internal door."""

    def ask() -> SignedHead | None:
        with client.stream("/internal/head", {}, "application/json", seconds_max) as answer:
            told = answer.read(_HEAD_BYTES_MAX)  # and no more: who holds that service may answer without end
        try:
            return msgspec.json.decode(told, type=SignedHead) if told else None
        except msgspec.DecodeError as error:
            raise FeedUnavailable(f"its head cannot be read: {error}") from error

    return ask
