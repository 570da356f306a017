"""One request as tests make them, and the problem it came to."""

from typing import Any

from falcon import testing

from tests.integration.web.tiny import KEYS, PUBLIC_URL

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
# The product's own codes, by status; any other status has its problem's name.
CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    422: "invalid_request",
    429: "rate_limit_exceeded",
}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name]}"}


def problem(answer: testing.Result, status: int, name: str) -> dict[str, Any]:
    """The body of an answer that is this problem in every respect of RFC 9457, and in the product's own form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= body.keys()
    assert body["type"] == (QUOTA_EXCEEDED if name == "quota-exceeded" else f"{PUBLIC_URL}/problems/{name}")
    assert body["status"] == status
    assert body["request_id"] == answer.headers["X-Request-Id"]
    error: dict[str, Any] = body["error"]
    assert (error["code"], error["message"]) == (CODES.get(status, name.replace("-", "_")), body["detail"])
    assert error.get("retry_after") == (int(answer.headers["Retry-After"]) if "Retry-After" in answer.headers else None)
    assert body["meta"] == {"request_id": body["request_id"]}
    return body
