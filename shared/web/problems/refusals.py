"""Problems that answer what the gate refuses: what each says, and the challenge of RFC 6750."""

from shared.gate.gate import CONCURRENT
from shared.gate.quota.memory_quota import Spent
from shared.gate.quota.reserve import RESERVE_NAMES
from shared.gate.verdict import Refusal, Verdict
from shared.web.problems.catalogue import Problem, unavailable

_TOO_MANY_AT_ONCE = "as many requests of this key as are allowed at the same time are being answered"


def refusal_problem(verdict: Verdict, refusal: Refusal, permission: str | None, address: str | None = None) -> Problem:
    """The answer to a request that the gate refuses. `address`: of the caller, where it is known."""
    match refusal:
        case Refusal.MISSING_CREDENTIALS:
            return Problem(refusal.value, headers=_challenge())
        case Refusal.INVALID_REQUEST:
            detail = verdict.detail or "this key may not be sent in the query string; use the Authorization header"
            return Problem(refusal.value, detail, headers=_challenge("invalid_request"))
        case (
            Refusal.INVALID_KEY
            | Refusal.KEY_REVOKED
            | Refusal.KEY_SUSPENDED
            | Refusal.KEY_EXPIRED
            | Refusal.KEY_ROTATED
        ):
            return Problem(refusal.value, headers=_challenge("invalid_token"))
        case Refusal.INSUFFICIENT_PERMISSION:
            detail = f"this needs a key with the permission {permission}"
            return Problem(refusal.value, detail, headers=_challenge("insufficient_scope", permission))
        case Refusal.ADDRESS_NOT_ALLOWED:
            return Problem(
                refusal.value, None if address is None else f"the key is not allowed to be used from {address}"
            )
        case Refusal.NETWORK_NOT_ALLOWED:
            return Problem(refusal.value)
        case Refusal.QUOTA_EXCEEDED:
            return _quota_exceeded(verdict.spent)
        case Refusal.ADDRESS_SLOWED:
            return _address_slowed(verdict.retry_after_seconds)
        case Refusal.GATE_NOT_FRESH | Refusal.LOG_DIVERGED | Refusal.UNAVAILABLE:
            return unavailable(refusal.value)


def _quota_exceeded(spent: Spent | None) -> Problem:
    if spent is None:
        raise ValueError("a verdict of quota-exceeded must say what was spent")
    limits = " and per ".join(name for name in spent.violated if name not in {*RESERVE_NAMES, CONCURRENT})
    detail = f"the allowed number of requests per {limits} is used up" if limits else _TOO_MANY_AT_ONCE
    return Problem(
        "quota-exceeded",
        detail,
        headers={"Retry-After": str(spent.retry_after_seconds)},
        members={"violated-policies": list(spent.violated)},
    )


def _address_slowed(retry_after_seconds: int) -> Problem:
    return Problem(
        "quota-exceeded",
        "too many invalid keys came from this address; a valid key is accepted at once",
        headers={"Retry-After": str(retry_after_seconds)},
        members={"violated-policies": ["guesses"]},
    )


def _challenge(error: str | None = None, scope: str | None = None) -> dict[str, str]:
    """RFC 6750, section 3: no error code when no credential was sent."""
    parts = ['Bearer realm="grillo"']
    if error is not None:
        parts.append(f'error="{error}"')
    if scope is not None:
        parts.append(f'scope="{scope}"')
    return {"WWW-Authenticate": ", ".join(parts)}
