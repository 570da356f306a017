"""The nameko service of auth: remote procedures, event subscriptions and timers."""

from typing import Any

from services.auth.grants import GrantBook
from services.auth.rpc_schemas import VerificationAnswer, VerifyArguments, VerifyKeyArguments
from services.auth.verification import Verification, verify, verify_key
from shared.gate.verdict import Refusal
from shared.messaging.entrypoints import Provided, Sender, follows, timer
from shared.messaging.nameko_follower import Following
from shared.messaging.rpc.procedures import procedure
from shared.replication.heads.head_keeper import KEEP_SECONDS, HeadKeeper
from shared.runtime.clock import Clock

PULL_SECONDS = 1


class AuthService:
    name = "auth"

    book: GrantBook = Provided("auth.book")
    clock: Clock = Provided("clock")
    keys: Following = Provided("auth.following_keys")
    sensors_heads: HeadKeeper = Provided("auth.sensors_heads")
    sender: str | None = Sender()

    @procedure(VerifyArguments(), VerificationAnswer())
    def verify(
        self, digest: str, permission: str | None = None, address: str | None = None, network_id: str | None = None
    ) -> Verification:
        if self.keys.is_log_diverged:
            return Verification(valid=False, problem=Refusal.LOG_DIVERGED.value)
        return verify(self.book, self.clock, digest, permission, address, network_id)

    @procedure(VerifyKeyArguments(), VerificationAnswer())
    def verify_key(self, organisation_id: str, key_id: str, permission: str) -> Verification:
        if self.keys.is_log_diverged:
            return Verification(valid=False, problem=Refusal.LOG_DIVERGED.value)
        return verify_key(self.book, self.clock, organisation_id, key_id, permission)

    @follows("auth", "keys")
    def keys_changed(self, envelopes: list[Any]) -> None:
        self.keys.hear(envelopes)

    @timer(interval=PULL_SECONDS, eager=True)
    def catch_up(self) -> None:
        self.keys.catch_up()

    @timer(interval=KEEP_SECONDS, eager=True)
    def keep_head_of_sensors(self) -> None:
        self.sensors_heads.keep()
