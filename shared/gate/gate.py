"""The gate of one web process: fresh? whose? allowed? within limits? Then the handler; then the record."""

from dataclasses import replace
from datetime import datetime

from shared import metrics
from shared.clock import Clock
from shared.contracts.usage import RequestRecord
from shared.gate.credential import Presented
from shared.gate.grants import Grant
from shared.gate.guessing import Guessing
from shared.gate.meter import Meter
from shared.gate.quota import MemoryQuota, Spent
from shared.gate.replica import Replica
from shared.gate.verdict import Refusal, Verdict, judge
from shared.redaction import redact

_NOT_FRESH = Verdict(Refusal.GATE_NOT_FRESH)
USER_AGENT_CHARACTERS_MAX = 200


class Gate:
    def __init__(
        self, replica: Replica, quota: MemoryQuota, meter: Meter, clock: Clock, guessing: Guessing | None = None
    ) -> None:
        self.replica, self.quota, self.meter, self._clock = replica, quota, meter, clock
        self._guessing = Guessing() if guessing is None else guessing

    def admit(self, presented: Presented, permission: str | None) -> Verdict:
        """Decides one request, and charges it if it passes. Calls nobody: memory only."""
        now = self.replica.time()
        verdict = judge(presented, permission, self.replica.grants, now)
        # Asked last, answered first: grants that stopped being fresh while they were judged do not count.
        if not self.replica.is_fresh():
            return _refused(_NOT_FRESH)
        if verdict.grant is None or verdict.limits is None:
            return _refused(self._slowed(verdict, presented.address))
        if verdict.refusal is not None:
            return _refused(replace(verdict, spent=self._peek(verdict, now)))
        elapsed = self._clock.elapsed_seconds()
        spent = self.quota.spend(verdict.grant.key_id, verdict.limits, elapsed, now)
        if not spent.admitted:
            return _refused(replace(verdict, refusal=Refusal.QUOTA_EXCEEDED, spent=spent))
        return replace(verdict, spent=spent)

    def record(
        self,
        verdict: Verdict,
        *,
        request_id: str,
        method: str,
        route: str,
        status: int,
        began: float,
        size: int,
        address: str,
        user_agent: str,
        problem: str | None = None,
    ) -> None:
        """Writes the request down before its answer leaves. `began`: elapsed seconds at the gate's first look."""
        grant: Grant | None = verdict.grant
        duration = self._clock.elapsed_seconds() - began
        record = RequestRecord(
            request_id=request_id,
            at=self._clock.now(),
            key_id=grant.key_id if grant else None,
            organisation_id=grant.organisation_id if grant else None,
            method=method,
            route=route,
            status=status,
            cost=1 if verdict.admitted else 0,
            duration_us=round(duration * 1e6),
            size=size,
            address=address,
            user_agent=redact(user_agent)[:USER_AGENT_CHARACTERS_MAX],
            problem=problem,
        )
        self.meter.record(record)

    def _slowed(self, verdict: Verdict, address: str) -> Verdict:
        """Only a verdict on an invalid key is ever another one for the address it came from."""
        if verdict.guess is None:
            return verdict
        wait_seconds = self._guessing.slow(address, verdict.guess, self._clock.elapsed_seconds())
        if not wait_seconds:
            return verdict
        return Verdict(Refusal.ADDRESS_SLOWED, guess=verdict.guess, retry_after_seconds=wait_seconds)

    def _peek(self, verdict: Verdict, now: datetime) -> Spent | None:
        if verdict.grant is None or verdict.limits is None:
            return None
        return self.quota.peek(verdict.grant.key_id, verdict.limits, self._clock.elapsed_seconds(), now)


def _refused(verdict: Verdict) -> Verdict:
    if verdict.refusal is not None:
        metrics.refusals.labels(verdict.refusal.value).inc()
    return verdict
