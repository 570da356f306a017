"""The nameko service of keys: remote procedures, event subscriptions and timers."""

from datetime import datetime
from typing import Any

import msgspec
import structlog

from services.keys.commands.command_inputs import MadeQuery, Revocation
from services.keys.commands.expiry_sweep import ExpirySweep
from services.keys.lifecycle.key import Reason
from services.keys.revocation.propagation import Receipt
from services.keys.revocation.restore_detection import RestoreDetection
from services.keys.rpc.error_mapping import as_wire_errors
from services.keys.rpc.remote_commands import RemoteCommands
from services.keys.rpc.schemas import (
    ChangeArguments,
    HistoryArguments,
    HistoryEntryAnswer,
    KeyAnswer,
    KeyArguments,
    PullArguments,
    ReceiptAnswer,
    RevocationAnswer,
    RevokeArguments,
)
from services.keys.views.history import WHOLE_HISTORY, History, HistoryEntry, HistoryRange
from services.keys.views.last_use import LastUse
from services.keys.views.queries import KeyQueries, KeyView
from shared.contracts.usage import KeyUsed
from shared.eventsourcing.event_store import Head
from shared.messaging.entrypoints import Provided, Sender, hears, timer
from shared.messaging.rpc.feed import feed_service
from shared.messaging.rpc.procedures import procedure
from shared.replication.feed import Acknowledgement, FeedPage, LogFeed
from shared.replication.heads.held_heads import HeldHead
from shared.replication.heads.sent_elsewhere import SEND_SECONDS, SentElsewhere
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_pages import SignedPage, question, signed_page
from shared.replication.relay import Relay
from shared.sql.clocks.clock_watch import WATCH_SECONDS, ClockWatch

RELAY_SECONDS = 1
RESTORE_DETECTION_SECONDS = 1
SWEEP_SECONDS = 5
_log = structlog.get_logger(__name__)


class KeysService:
    name = "keys"

    queries: KeyQueries = Provided("keys.queries")
    history_: History = Provided("keys.history")
    relay: Relay = Provided("keys.relay")
    restore_detection: RestoreDetection = Provided("keys.restore_detection")
    last_use: LastUse = Provided("keys.last_use")
    sweep: ExpirySweep = Provided("keys.sweep")
    clock_watch: ClockWatch = Provided("keys.clock_watch")
    sent_heads: SentElsewhere = Provided("keys.sent_heads")
    commands: RemoteCommands = Provided("keys.remote_commands")
    sender: str | None = Sender()

    @procedure(KeyArguments(), KeyAnswer())
    def get_key(self, organisation_id: str, key_id: str) -> KeyView:
        with as_wire_errors():
            return self.queries.get_key(organisation_id, key_id)

    @procedure(HistoryArguments(), HistoryEntryAnswer(many=True))
    def history(
        self, organisation_id: str, key_id: str, where: HistoryRange = WHOLE_HISTORY
    ) -> tuple[HistoryEntry, ...]:
        with as_wire_errors():
            return self.history_.of_key(organisation_id, key_id, where)

    @procedure(ChangeArguments(), ReceiptAnswer())
    def suspend_key(self, organisation_id: str, key_id: str, actor: str) -> Receipt:
        return self.commands.suspend(organisation_id, key_id, actor, account=self.sender)

    @procedure(ChangeArguments(), ReceiptAnswer())
    def resume_key(self, organisation_id: str, key_id: str, actor: str) -> Receipt:
        return self.commands.resume(organisation_id, key_id, actor, account=self.sender)

    @procedure(RevokeArguments(), RevocationAnswer())
    def revoke_key(
        self,
        organisation_id: str,
        key_id: str,
        actor: str,
        reason: Reason = Reason.UNSPECIFIED,
        note: str | None = None,
        also_made: bool = False,
        made_since: datetime | None = None,
    ) -> Revocation:
        made = MadeQuery(since=made_since, revoke=also_made)
        return self.commands.revoke(organisation_id, key_id, actor, reason, note, made, account=self.sender)

    @procedure(ChangeArguments(), ReceiptAnswer())
    def delete_key(self, organisation_id: str, key_id: str, actor: str) -> Receipt:
        return self.commands.delete(organisation_id, key_id, actor, account=self.sender)

    @hears("keys", "usage", "KeyUsed")
    def key_used(self, body: Any) -> None:
        used = msgspec.convert(body, type=KeyUsed)
        self.last_use.record(used.last_used, used.used_at, used.previous_used, used.in_query)

    @timer(interval=RELAY_SECONDS)
    def relay_what_is_left(self) -> None:
        self.relay.run()

    @timer(interval=RESTORE_DETECTION_SECONDS, eager=True)
    def notice_a_restore(self) -> None:
        self.restore_detection.settle()

    @timer(interval=SEND_SECONDS)
    def send_head(self) -> None:
        self.sent_heads.tick()

    @timer(interval=WATCH_SECONDS, eager=True)
    def watch_clock(self) -> None:
        self.clock_watch.tick()

    @timer(interval=SWEEP_SECONDS)
    def expire_and_warn(self) -> None:
        try:
            self.sweep.run()
        except Exception:
            # Whatever it was: the next tick tries again.
            _log.exception("sweep_failed")


class KeysFeedService:
    """The log over RPC, in a container of its own: the calls of others can never fill its workers."""

    name = feed_service("keys")

    log: LogFeed = Provided("keys.feed")
    signer: Signer | None = Provided("keys.signer")
    sender: str | None = Sender()

    @procedure(PullArguments())
    def pull(
        self,
        after: Head | None = None,
        acknowledgement: Acknowledgement | None = None,
        nonce: str | None = None,
        held: HeldHead | None = None,
    ) -> FeedPage | SignedPage:
        with as_wire_errors():
            page = self.log.pull(after, acknowledgement, held, account=self.sender)
        return page if nonce is None else signed_page(self.signer, question(nonce, after, acknowledgement), page)
