"""One request as tests make them, and the problem it came to."""

from typing import Any

from falcon import testing

from tests.integration.web.tiny import KEYS, PUBLIC_URL

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name]}"}


def problem(answer: testing.Result, status: int, name: str) -> dict[str, Any]:
    """The body of an answer that is this problem in every respect of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= body.keys()
    assert body["type"] == (QUOTA_EXCEEDED if name == "quota-exceeded" else f"{PUBLIC_URL}/problems/{name}")
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body
