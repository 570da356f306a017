"""The gate of one web process: fresh? whose? allowed? within limits? Then the handler; then the record."""

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from shared.contracts.usage import SECRET_CHARACTERS, RequestRecord
from shared.gate.authentication.credential import Presented
from shared.gate.authentication.guess_throttle import GuessThrottle
from shared.gate.concurrency.slots import NONE_LEFT, MemorySlots, Slots
from shared.gate.grants.grant import Limits
from shared.gate.grants.replica import Replica
from shared.gate.metering.meter import Meter
from shared.gate.quota.memory_quota import Quota, Spent
from shared.gate.quota.reserve import URGENT, Reserve
from shared.gate.verdict import DEAD, Refusal, Verdict, judge, judge_again
from shared.observability import metrics
from shared.observability.redaction import redact
from shared.runtime.clock import Clock

_NOT_FRESH: Final = Verdict(Refusal.GATE_NOT_FRESH)
_LOG_DIVERGED: Final = Verdict(Refusal.LOG_DIVERGED)
USER_AGENT_CHARACTERS_MAX = 200
_from_timestamp: Final = datetime.fromtimestamp
CONCURRENT: Final = "concurrent"
CONCURRENT_RETRY_SECONDS: Final = 1


class Gate:
    def __init__(
        self,
        replica: Replica,
        quota: Quota,
        meter: Meter,
        clock: Clock,
        guessing: GuessThrottle | None = None,
        slots: Slots | None = None,
    ) -> None:
        self.replica, self.quota, self.meter = replica, quota, meter
        self.slots = MemorySlots() if slots is None else slots
        self._now, self._elapsed_seconds = clock.now, clock.elapsed_seconds
        self._guessing = GuessThrottle() if guessing is None else guessing
        for refusal in Refusal:
            metrics.refusals.labels(refusal.value)  # there from the start, so that the first is a rise from 0

    def admit(
        self,
        presented: Presented,
        permission: str | None,
        began: float | None = None,
        *,
        reserve: Reserve | None = None,
        gives_up: bool = False,
        networks: tuple[str, ...] = (),
        answers: bool = True,
    ) -> Verdict:
        """Decides one request, and charges it if it passes. Calls nobody but a quota that is shared, and that seldom.

        Whose verdict has `slots_left` must `end` it once its answer is handed over.

        `began`: elapsed seconds when the request came, where that was read already. `reserve`: what it may draw on when
        the key's own limits are used up. `gives_up`: the key only ends its own power. `networks`: those that the
        request names. `answers`: it is answered here; else the verdict is all that was asked, and holds nothing.
        """
        replica = self.replica
        time, at = replica.as_of  # `time_at`, without its call: every request comes here
        now = time + ((self._elapsed_seconds() if began is None else began) - at)
        verdict = judge(presented, permission, replica.grants, now, networks=networks, gives_up=gives_up)
        # Asked last, answered first: grants that stopped being fresh while they were judged do not count.
        elapsed = self._elapsed_seconds()
        if elapsed >= replica.fresh_until:
            return _refused(self._not_fresh())
        grant, limits = verdict.grant, verdict.limits
        if grant is None or limits is None:
            return _refused(self._slowed(verdict, presented.address))
        if verdict.refusal is not None:
            return _refused(replace(verdict, spent=self.quota.peek(grant.key_id, limits, elapsed, now)))
        slots_left = NONE_LEFT
        if limits.concurrent is not None and answers:
            slots_left = self.slots.take(grant.key_id, limits.concurrent, elapsed)
            if slots_left == NONE_LEFT and reserve is not URGENT:
                return self._too_many_at_once(verdict, grant.key_id, limits, reserve, elapsed, now)
        drawn = None
        try:
            spent = self.quota.spend(grant.key_id, limits, elapsed, now)
            if not spent.admitted and reserve is not None:
                drawn = self._draw_on(reserve, grant.key_id, replace(verdict, spent=spent), spent, elapsed, now)
        except BaseException:  # nobody else knows of the slot yet
            if slots_left != NONE_LEFT:
                self.slots.give_back(grant.key_id)
            raise
        if not spent.admitted:
            if drawn is not None and drawn.admitted and reserve is not URGENT:
                return replace(drawn, slots_left=slots_left)
            if slots_left != NONE_LEFT:
                self.slots.give_back(grant.key_id)
            return drawn or _refused(replace(verdict, refusal=Refusal.QUOTA_EXCEEDED, spent=spent))
        digest, hint = verdict.digest, verdict.secret_hint
        return Verdict(None, grant, limits, spent, verdict.in_query, digest, hint, slots_left=slots_left)

    def end(self, verdict: Verdict) -> None:
        """The answer is handed to the server: its slot is free."""
        if verdict.slots_left != NONE_LEFT and verdict.grant is not None:
            self.slots.give_back(verdict.grant.key_id)

    def _too_many_at_once(
        self, verdict: Verdict, key_id: str, limits: Limits, reserve: Reserve | None, elapsed: float, now: float
    ) -> Verdict:
        """Counts nothing: what else would refuse it is told beside. What may draw on a reserve needs no slot there."""
        spent = self.quota.peek(key_id, limits, elapsed, now)
        wait_seconds = max(CONCURRENT_RETRY_SECONDS, spent.retry_after_seconds)
        violated = (*spent.violated, CONCURRENT)
        spent = replace(spent, admitted=False, retry_after_seconds=wait_seconds, violated=violated)
        if reserve is not None:
            return self._draw_on(reserve, key_id, replace(verdict, spent=spent), spent, elapsed, now)
        return _refused(replace(verdict, refusal=Refusal.QUOTA_EXCEEDED, spent=spent))

    def _draw_on(
        self, reserve: Reserve, key_id: str, verdict: Verdict, spent: Spent, elapsed: float, now: float
    ) -> Verdict:
        drawn = self.quota.spend(f"{key_id}:{reserve.name}", reserve.limits, elapsed, now)
        if drawn.admitted:
            return replace(verdict, limits=reserve.limits, spent=drawn, reserve=reserve)
        wait_seconds = min(spent.retry_after_seconds, drawn.retry_after_seconds)
        spent = replace(spent, retry_after_seconds=wait_seconds, violated=(*spent.violated, reserve.name))
        return _refused(replace(verdict, refusal=Refusal.QUOTA_EXCEEDED, spent=spent))

    def verify(
        self,
        digest: str,
        organisation_id: str,
        permission: str | None,
        *,
        charge: bool,
        hint: str | None = None,
        networks: tuple[str, ...] = (),
    ) -> Verdict:
        """Decides on a secret that a back end was shown, and only if told so charges it; its address is not judged.

        Another organisation's key is no key to the caller. `hint`: of the secret, for the record. `networks`: those
        that it must open.
        """
        replica, elapsed = self.replica, self._elapsed_seconds()
        now, grants = replica.time_at(elapsed), replica.grants
        grant = grants.by_digest(digest) or grants.by_replaced(digest)
        refusal = judge_again(grant, digest, permission, now, networks=networks)
        if grant is None or grant.organisation_id != organisation_id or refusal is Refusal.INVALID_KEY:
            return Verdict(Refusal.INVALID_KEY) if replica.is_fresh() else self._not_fresh()
        limits = grants.limits(grant)
        if limits is None or grants.is_unappliable(grant):
            return Verdict(Refusal.UNAVAILABLE, grant)
        told = hint if digest != grant.digest or refusal in DEAD else None
        verdict = Verdict(refusal, grant, limits, digest=digest, secret_hint=told)
        if not replica.is_fresh():
            return self._not_fresh()
        if verdict.refusal is not None:
            return verdict
        spent = (self.quota.spend if charge else self.quota.peek)(grant.key_id, limits, elapsed, now)
        return replace(verdict, refusal=None if spent.admitted else Refusal.QUOTA_EXCEEDED, spent=spent)

    def _not_fresh(self) -> Verdict:
        """Nothing is known of keys now; or worse, the log of keys is known to have been put back."""
        return _LOG_DIVERGED if self.replica.is_log_diverged else _NOT_FRESH

    def record(
        self,
        verdict: Verdict,
        request_id: str,
        method: str,
        route: str,
        status: int,
        seconds: float,
        size: int,
        address: str,
        user_agent: str,
        problem: str | None = None,
        network_id: str | None = None,
    ) -> None:
        """Writes the request down before its answer leaves. `seconds`: since the gate's first look.

        At the log's time, by which it was judged and charged: a host's clock that is wrong dates nothing.
        `network_id`: the one that the answer is about.
        """
        grant = verdict.grant or verdict.deleted
        key_id, organisation_id = (None, None) if grant is None else (grant.key_id, grant.organisation_id)
        cost = 1 if verdict.refusal is None and verdict.reserve is None else 0
        duration_us, requests = int(seconds * 1e6 + 0.5), 1
        time, at = self.replica.as_of
        now = time + (self._elapsed_seconds() - at)  # `time`, without its calls
        # Before the first pull the log's time is unknown.
        moment = self._now() if now < 0 else _from_timestamp(now, UTC)
        user_agent = redact(user_agent)[:USER_AGENT_CHARACTERS_MAX] if user_agent else ""
        record = RequestRecord(  # by their place: with so many names, it would take half as long again
            request_id,
            moment,
            key_id,
            organisation_id,
            method,
            route,
            status,
            cost,
            duration_us,
            size,
            address,
            user_agent,
            requests,
            problem,
            _previous_secret(verdict),
            verdict.secret_hint,
            network_id,
            verdict.in_query,
        )
        if verdict.refusal is None:
            self.meter.record(record)
        else:
            self.meter.record_refusal(record)

    def _slowed(self, verdict: Verdict, address: str) -> Verdict:
        """Only a verdict on an invalid key is ever another one for the address it came from."""
        if verdict.guess is None:
            return verdict
        wait_seconds = self._guessing.slow(address, verdict.guess, self._elapsed_seconds())
        if not wait_seconds:
            return verdict
        return replace(verdict, refusal=Refusal.ADDRESS_SLOWED, retry_after_seconds=wait_seconds)


def _previous_secret(verdict: Verdict) -> str | None:
    grant = verdict.grant
    if verdict.refusal is not None or grant is None or verdict.digest == grant.digest:
        return None
    return verdict.digest[:SECRET_CHARACTERS] or None


def _refused(verdict: Verdict) -> Verdict:
    if verdict.refusal is not None:
        metrics.refusals.labels(verdict.refusal.value).inc()
    return verdict
