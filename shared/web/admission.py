"""Puts the gate before every declared operation, and the meter behind it."""

import re
import secrets
from typing import Any

import falcon
import structlog

from shared import metrics
from shared.clock import Clock
from shared.gate.credential import Presented
from shared.gate.gate import Gate
from shared.gate.grants import Limits
from shared.gate.quota import DAY_SECONDS, MINUTE_SECONDS, Spent
from shared.gate.verdict import Verdict
from shared.redaction import redact
from shared.web.caller import Proxies
from shared.web.operation import operation_of
from shared.web.problems import refusal_problem

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}", re.ASCII)


class Identification:
    """Gives every request an id, the caller's own if it sent a sane one, and finds out whose request it is."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        request_id = give_request_id(req, resp)
        # Not req.access_route: that believes whoever wrote the header.
        req.context.caller = self._proxies.caller(req.remote_addr or "", req.get_header("X-Forwarded-For") or "")
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, address=req.context.caller)


def give_request_id(req: falcon.Request, resp: falcon.Response) -> str:
    given = req.get_header("X-Request-Id") or ""
    sane = _SANE_REQUEST_ID.fullmatch(given) and redact(given) == given
    request_id = req.context.request_id = given if sane else f"req_{secrets.token_hex(12)}"
    resp.set_header("X-Request-Id", request_id)
    return request_id


class Admission:
    def __init__(self, gate: Gate, clock: Clock, service: str) -> None:
        self._gate, self._clock, self._service = gate, clock, service

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, Any]
    ) -> None:
        operation = operation_of(resource, req.method)
        if operation is None:
            return
        context = req.context
        context.began = self._clock.elapsed_seconds()
        verdict = context.verdict = self._gate.admit(_presented(req), operation.permission)
        if verdict.refusal is not None:
            raise refusal_problem(verdict, verdict.refusal, operation.permission)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        verdict: Verdict | None = getattr(req.context, "verdict", None)
        if verdict is None:
            return
        if verdict.grant is not None:
            _set_headers(resp, verdict)
        self._record(req, resp, verdict)

    def _record(self, req: falcon.Request, resp: falcon.Response, verdict: Verdict) -> None:
        status = falcon.http_status_to_code(resp.status)
        self._gate.record(
            verdict,
            request_id=req.context.request_id,
            method=req.method,
            route=req.uri_template or "",
            status=status,
            began=req.context.began,
            size=0 if req.method == "HEAD" else len(resp.data or b""),
            address=req.context.caller,
            user_agent=req.user_agent or "",
            problem=getattr(req.context, "problem", None),
        )
        metrics.requests.labels(self._service, req.method, f"{status // 100}xx").inc()
        metrics.request_seconds.labels(self._service).observe(self._clock.elapsed_seconds() - req.context.began)


def _presented(req: falcon.Request) -> Presented:
    in_query = req.params.get("api_key", ())
    return Presented(
        authorization=req.get_header("Authorization"),
        query_keys=(in_query,) if isinstance(in_query, str) else tuple(in_query),
        address=req.context.caller,
    )


def _set_headers(resp: falcon.Response, verdict: Verdict) -> None:
    """RateLimit as of the IETF draft, and who may keep the answer."""
    if verdict.in_query:
        resp.set_header("Cache-Control", "private, no-store")
    elif resp.get_header("Cache-Control") is None:
        resp.set_header("Cache-Control", "private")
    if verdict.limits is not None and verdict.spent is not None:
        policy, state = rate_limit_headers(verdict.limits, verdict.spent)
        resp.set_header("RateLimit-Policy", policy)
        resp.set_header("RateLimit", state)


def rate_limit_headers(limits: Limits, spent: Spent) -> tuple[str, str]:
    """RateLimit-Policy and RateLimit; an unlimited day is left out of both."""
    policy = f'"minute";q={limits.minute};w={MINUTE_SECONDS:.0f}'
    state = f'"minute";r={spent.minute_left};t={spent.minute_reset_seconds}'
    if limits.day is not None:
        policy += f', "day";q={limits.day};w={DAY_SECONDS}'
        state += f', "day";r={spent.day_left};t={spent.day_reset_seconds}'
    return policy, state
