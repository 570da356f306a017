"""Catalogue of problem types (RFC 9457): the name, status, title and advice of every error that an answer can be."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.gate.gate import RESERVE
from shared.gate.quota.memory_quota import Spent
from shared.gate.verdict import Refusal, Verdict

_QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"


@dataclass(frozen=True, slots=True)
class ProblemType:
    name: str
    status: int
    title: str
    advice: str


_TYPES = (
    ProblemType(
        "invalid-request", 400, "The request cannot be understood", "Mend the part that `detail` names; send it again."
    ),
    ProblemType(
        "range-too-long", 400, "The time range is too long", "Ask for a shorter range, several times if need be."
    ),
    ProblemType(
        "missing-credentials", 401, "An API key is needed", "Send the header `Authorization: Bearer YOUR_API_KEY`."
    ),
    ProblemType(
        "invalid-key",
        401,
        "This is not a key of ours",
        "Check that the key was copied whole: grl_ and 49 letters and digits. A deleted key answers so, too.",
    ),
    ProblemType(
        "key-revoked", 401, "This key was revoked", "Revocation is for good. Create a new key and use that instead."
    ),
    ProblemType(
        "key-suspended", 401, "This key is suspended", "Ask an administrator of your organisation to resume it."
    ),
    ProblemType(
        "key-expired", 401, "This key has expired", "Create a new key, or ask an administrator of your organisation."
    ),
    ProblemType(
        "insufficient-permission",
        403,
        "The key lacks a permission",
        "Use a key with the permission that `detail` names; existing keys gain it only with a new secret.",
    ),
    ProblemType(
        "address-not-allowed",
        403,
        "The key may not be used from this address",
        "Call from an address that the key allows, or have the key's allowed addresses changed.",
    ),
    ProblemType(
        "outside-organisation",
        403,
        "Not a resource of your organisation",
        "Check the id; list what your organisation has with GET /v1/sensors or GET /v1/events.",
    ),
    ProblemType("not-found", 404, "There is nothing here", "Check the path and the id; it may have been deleted."),
    ProblemType("method-not-allowed", 405, "This method does not exist here", "Use one that the Allow header names."),
    ProblemType("conflict", 409, "The change contradicts the present state", "Read the resource again, then decide."),
    ProblemType(
        "regeneration-required",
        409,
        "The change needs a new secret",
        "Send `regenerate: true` with it: the answer then holds a new secret, and every older one ends.",
    ),
    ProblemType(
        "too-many-keys",
        409,
        "The organisation holds as many active keys as its tier allows",
        "Revoke keys that are no longer needed, or move to a higher tier.",
    ),
    ProblemType(
        "precondition-failed",
        412,
        "The resource has changed since you read it",
        "Read it again, decide again, and send the new ETag in If-Match.",
    ),
    ProblemType("body-too-large", 413, "The body is too large", "Send 64 KiB at most."),
    ProblemType("unsupported-media-type", 415, "The body is not JSON", "Send `Content-Type: application/json`."),
    ProblemType("invalid-body", 422, "The body does not fit", "`errors` says, by JSON pointer, what is wrong where."),
    ProblemType("quota-exceeded", 429, "A limit is used up", "Wait Retry-After seconds; ask less often; use batches."),
    ProblemType("internal-error", 500, "Something broke", "Try again; if it persists, tell us the request_id."),
    ProblemType(
        "gate-not-fresh", 503, "This gate cannot be sure about keys right now", "Try again after Retry-After seconds."
    ),
    ProblemType("unavailable", 503, "This cannot be answered right now", "Try again after Retry-After seconds."),
)
CATALOGUE: Mapping[str, ProblemType] = {type_.name: type_ for type_ in _TYPES}


class Problem(Exception):
    """An error answer. `members` are extension members of the body; `headers` go with it."""

    def __init__(
        self,
        name: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        self.type = CATALOGUE[name]
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        super().__init__(name)

    def body(self, *, public_url: str, instance: str, request_id: str) -> dict[str, Any]:
        type_ = self.type
        return {
            "type": _QUOTA_TYPE if type_.name == "quota-exceeded" else f"{public_url}/problems/{type_.name}",
            "title": type_.title,
            "status": type_.status,
            "detail": self.detail or type_.advice,
            "instance": instance,
            "request_id": request_id,
            **self.members,
        }


def refusal_problem(verdict: Verdict, refusal: Refusal, permission: str | None) -> Problem:
    """The answer to a request that the gate refuses."""
    match refusal:
        case Refusal.MISSING_CREDENTIALS:
            return Problem(refusal.value, headers=_challenge())
        case Refusal.INVALID_REQUEST:
            detail = verdict.detail or "this key may not be sent in the query: use the Authorization header"
            return Problem(refusal.value, detail, headers=_challenge("invalid_request"))
        case Refusal.INVALID_KEY | Refusal.KEY_REVOKED | Refusal.KEY_SUSPENDED | Refusal.KEY_EXPIRED:
            return Problem(refusal.value, headers=_challenge("invalid_token"))
        case Refusal.INSUFFICIENT_PERMISSION:
            detail = f"this needs a key with the permission {permission}"
            return Problem(refusal.value, detail, headers=_challenge("insufficient_scope", permission))
        case Refusal.ADDRESS_NOT_ALLOWED:
            return Problem(refusal.value)
        case Refusal.QUOTA_EXCEEDED:
            return _quota_exceeded(verdict.spent)
        case Refusal.ADDRESS_SLOWED:
            return _address_slowed(verdict.retry_after_seconds)
        case Refusal.GATE_NOT_FRESH | Refusal.UNAVAILABLE:
            return unavailable(refusal.value)


def unavailable(name: str = "unavailable", detail: str | None = None) -> Problem:
    """503 with a Retry-After that differs from caller to caller, so that they do not all come back at once."""
    return Problem(name, detail, headers={"Retry-After": str(random.randint(1, 4))})


def _quota_exceeded(spent: Spent | None) -> Problem:
    if spent is None:
        raise ValueError("a request over its quota was never asked about its quota")
    return Problem(
        "quota-exceeded",
        f"too many requests for the limit of a {' and a '.join(name for name in spent.violated if name != RESERVE)}",
        headers={"Retry-After": str(spent.retry_after_seconds)},
        members={"violated-policies": list(spent.violated)},
    )


def _address_slowed(retry_after_seconds: int) -> Problem:
    return Problem(
        "quota-exceeded",
        "too many invalid keys from this address; a valid one passes at once",
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
