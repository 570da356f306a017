"""HTTP resource that verifies a key which another back end was shown: the verdict of the gate, without a proxy.

The key travels in the body only, where nothing logs it. Addresses are not judged: only the back end knows its caller's.
"""

from services.auth.schema import VerifiedKeySchema, VerifyKeyBody, VerifyKeySchema
from shared.gate.authentication.credential import digest_of, hint_of, is_well_formed
from shared.gate.gate import Gate
from shared.gate.verdict import Refusal, Verdict
from shared.web.operation import Answer, Call, operation
from shared.web.problems.catalogue import CATALOGUE, unavailable
from shared.web.route import Route

PATH = "/v1/keys/verify"
BODY_BYTES_MAX = 16 * 1024
_UNDECIDED = (Refusal.GATE_NOT_FRESH, Refusal.LOG_DIVERGED, Refusal.UNAVAILABLE)


def routes() -> list[Route]:
    return [Route(PATH, KeyVerification())]


class KeyVerification:
    """`gate` is the one that the resource stands behind; application() gives it."""

    gate: Gate

    @operation(
        "Verify a key of your organisation that somebody presented to you",
        tag="Forward-auth",
        permission="admin",
        body=VerifyKeySchema,
        answers=VerifiedKeySchema,
        name="verifyKey",
        example={"key": "grl_…", "permission": "sensors:read"},
        body_bytes_max=BODY_BYTES_MAX,
        is_verdict=True,
    )
    def on_post(self, call: Call[None, VerifyKeyBody]) -> Answer:
        verdict = self._verdict(call)
        if verdict.refusal in _UNDECIDED:
            raise unavailable(verdict.refusal.value)
        if call.body.charge and verdict.grant is not None:
            problem = None if verdict.refusal is None else verdict.refusal.value
            status = 200 if problem is None else CATALOGUE[problem].status
            self.gate.record(verdict, call.request_id, "POST", PATH, status, 0.0, 0, call.address, "", problem)
        return Answer(body=_shown(verdict), headers={"Cache-Control": "private, no-store"})

    def _verdict(self, call: Call[None, VerifyKeyBody]) -> Verdict:
        body = call.body
        if not is_well_formed(body.key):
            return Verdict(Refusal.INVALID_KEY)
        organisation_id = call.caller.organisation_id
        digest, hint = digest_of(body.key), hint_of(body.key)
        networks = () if body.network_id is None else (body.network_id,)
        return self.gate.verify(
            digest, organisation_id, body.permission, charge=body.charge, hint=hint, networks=networks
        )


def _shown(verdict: Verdict) -> dict[str, object]:
    grant, limits = verdict.grant, verdict.limits
    return {
        "valid": verdict.admitted,
        "problem": None if verdict.refusal is None else verdict.refusal.value,
        "key_id": None if grant is None else grant.key_id,
        "organisation": None if grant is None else grant.organisation_id,
        "permissions": [] if grant is None else sorted(grant.permissions),
        "networks": None if grant is None or grant.networks is None else sorted(grant.networks),
        "effective_limits": None
        if limits is None
        else {"minute": limits.minute, "day": limits.day, "concurrent": limits.concurrent},
    }
