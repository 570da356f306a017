"""Catalogue of problem types (RFC 9457): the name, status, title and advice of every error that an answer can be."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.web.problems.faults.translation import translated
from shared.web.problems.french import FRENCH
from shared.web.problems.spanish import SPANISH

_QUOTA_TYPE = "https://iana.org/assignments/http-problem-types#quota-exceeded"

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    422: "invalid_request",
    429: "rate_limit_exceeded",
}


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of error. `advice` is what to do, and the `detail` of an answer that has no better one."""

    name: str
    status: int
    title: str
    advice: str

    @property
    def code(self) -> str:
        """`error.code` of the product's own form of errors, which is coarser than the name."""
        return _CODES.get(self.status) or self.name.replace("-", "_")


_TYPES = (
    ProblemType(
        "invalid-request", 400, "The request cannot be understood", "Correct what `detail` names, then send it again."
    ),
    ProblemType(
        "range-too-long", 400, "The time range is too long", "Ask for a shorter range; use several requests if needed."
    ),
    ProblemType(
        "missing-credentials", 401, "An API key is needed", "Send the header `Authorization: Bearer YOUR_API_KEY`."
    ),
    ProblemType(
        "invalid-key",
        401,
        "This API key is not valid",
        "Check that the key was copied whole: grl_ and 49 letters and digits. A deleted key gets this answer, too.",
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
        "key-rotated",
        401,
        "This secret was replaced",
        "The key has a newer secret: use that. Who does not have it asks an administrator to rotate the key.",
    ),
    ProblemType(
        "insufficient-permission",
        403,
        "The key lacks a permission",
        "Use a key with the permission that `detail` names. An existing key gains it only with a new secret.",
    ),
    ProblemType(
        "address-not-allowed",
        403,
        "The key may not be used from this address",
        "Call from an address that the key allows, or have the key's allowed addresses changed.",
    ),
    ProblemType(
        "network-not-allowed",
        403,
        "The key does not open this network",
        "Ask for a network that the key opens; GET /v1/keys/self names them. Or have the key's networks changed.",
    ),
    ProblemType(
        "beyond-own-bounds",
        403,
        "A key gives no other more than it has itself",
        "The calling key expires or has limits, addresses or networks of its own, which bound each key that it makes, "
        "renews or widens. Stay within what `detail` names, or use a key without that bound.",
    ),
    ProblemType(
        "outside-organisation",
        403,
        "This does not belong to your organisation",
        "Check the id. GET /v1/networks, GET /v1/sensors and GET /v1/events list what the key may see.",
    ),
    ProblemType("not-found", 404, "There is nothing here", "Check the path and the id; it may have been deleted."),
    ProblemType("method-not-allowed", 405, "This method is not supported here", "Use one that the Allow header lists."),
    ProblemType(
        "conflict",
        409,
        "The change is not possible in the present state",
        "Read the resource again, then decide whether to repeat the change.",
    ),
    ProblemType(
        "in-use",
        409,
        "Something else still needs this",
        "Change or delete what `detail` names, so that it no longer needs this; then try again.",
    ),
    ProblemType(
        "regeneration-required",
        409,
        "The change needs a new secret",
        "Send `regenerate: true` with it. The answer then holds a new secret, and older ones stop working.",
    ),
    ProblemType(
        "lock-out",
        409,
        "The change would lock somebody out",
        "Make sure first that another admin key stays, and that yours keeps its access; or repeat the change with "
        "`?force=true`. An organisation without admin keys gets one from the operator only.",
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
        "Read it again, then repeat the change with the new ETag in If-Match.",
    ),
    ProblemType("body-too-large", 413, "The body is too large", "Send at most 64 KiB."),
    ProblemType("uri-too-long", 414, "The URL is too long", "Send at most 8,000 characters."),
    ProblemType("unsupported-media-type", 415, "The body is not JSON", "Send `Content-Type: application/json`."),
    ProblemType(
        "range-not-satisfiable",
        416,
        "The file has no such bytes",
        "Content-Range says how long the file is: ask for a range within it, or for all of it.",
    ),
    ProblemType("invalid-body", 422, "The body is not valid", "`errors` says what is wrong where, by JSON pointer."),
    ProblemType(
        "quota-exceeded",
        429,
        "Too many requests",
        "Wait as many seconds as Retry-After says. Send fewer requests, or use batches.",
    ),
    ProblemType(
        "headers-too-large",
        431,
        "The headers are too large",
        "Send at most 100, of 8,000 characters each.",
    ),
    ProblemType(
        "internal-error",
        500,
        "Something went wrong on our side",
        "Try again. If it happens again, send us the request_id.",
    ),
    ProblemType("http-version-not-supported", 505, "This version of HTTP is not spoken here", "Speak HTTP/1.1."),
    ProblemType(
        "gate-not-fresh",
        503,
        "API keys cannot be checked right now",
        "Try again after as many seconds as Retry-After says.",
    ),
    ProblemType(
        "log-diverged",
        503,
        "Keys are not checked until an operator has looked",
        "The log of keys was put back to an older state, so no key is accepted and none is changed. Try again later: "
        "an operator must say first what holds now.",
    ),
    ProblemType(
        "clock-in-doubt",
        503,
        "The server's clock may be wrong, so nothing is given an end",
        "Ask for it without an expiry, grace or overlap, or try again later: an operator must set the clock right, or "
        "say that it is (`grillo clock accept`). All else goes on, revocations above all.",
    ),
    ProblemType(
        "unavailable",
        503,
        "This cannot be answered right now",
        "Try again after as many seconds as Retry-After says.",
    ),
)
CATALOGUE: Mapping[str, ProblemType] = {type_.name: type_ for type_ in _TYPES}

LANGUAGES = ("en", "fr", "es")
_TRANSLATED: Mapping[str, Mapping[str, tuple[str, str]]] = {"fr": FRENCH, "es": SPANISH}


def worded(type_: ProblemType, language: str) -> tuple[str, str]:
    """Title and advice in the language, one of LANGUAGES."""
    return _TRANSLATED.get(language, {}).get(type_.name, (type_.title, type_.advice))


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

    def body(
        self, *, public_url: str, instance: str | None, request_id: str, language: str = LANGUAGES[0]
    ) -> dict[str, Any]:
        """`instance`: the path asked for; None where there is none that can be told. `language`: one of LANGUAGES."""
        type_ = self.type
        title, advice = worded(type_, language)
        detail = self._own_detail(language) or advice
        return {
            "type": _QUOTA_TYPE if type_.name == "quota-exceeded" else f"{public_url}/problems/{type_.name}",
            "title": title,
            "status": type_.status,
            "detail": detail,
            **({} if instance is None else {"instance": instance}),
            "request_id": request_id,
            **self.members,
            "error": {"code": type_.code, "message": detail, **self._error_members()},
            "meta": {"request_id": request_id},
        }

    def _own_detail(self, language: str) -> str | None:
        """Of a body, the first fault: which member, by JSON pointer, and what is wrong with it."""
        detail = self.detail
        if detail is None and (errors := self.members.get("errors")):
            pointer, messages = next(iter(errors.items()))
            detail = f"{pointer}: {messages[0]}" if pointer else messages[0]
        return None if detail is None else translated(detail, language)

    def _error_members(self) -> dict[str, Any]:
        retry_after = self.headers.get("Retry-After")
        return {
            **({"details": self.members} if self.members else {}),
            **({} if retry_after is None else {"retry_after": int(retry_after)}),
        }


def unavailable(name: str = "unavailable", detail: str | None = None) -> Problem:
    """503 with a random Retry-After (jitter), so that callers do not all come back at once."""
    return Problem(name, detail, headers={"Retry-After": str(random.randint(1, 4))})
