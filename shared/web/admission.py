"""Puts the gate before every declared operation, and the meter behind it."""

import re
import secrets
from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Any

import falcon

from shared import logs, metrics
from shared.clock import Clock
from shared.gate.credential import Presented
from shared.gate.gate import RESERVE, Gate
from shared.gate.grants import Limits
from shared.gate.quota import DAY_SECONDS, MINUTE_SECONDS, Spent
from shared.gate.verdict import Verdict
from shared.redaction import redact
from shared.web.caller import Proxies
from shared.web.operation import operation_of
from shared.web.problems import refusal_problem
from shared.web.response import Response

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}", re.ASCII)


class Identification:
    """Gives every request an id, the caller's own if it sent a sane one, and finds out whose request it is."""

    def __init__(self, proxies: Proxies) -> None:
        self._caller = proxies.caller
        self._new_id = new_request_ids()

    def process_request(self, req: falcon.Request, resp: Response) -> None:
        env, context = req.env, req.context
        given = env.get("HTTP_X_REQUEST_ID")
        request_id = context.request_id = given if given is not None and _is_sane(given) else self._new_id()
        resp.put("x-request-id", request_id)
        # Not req.access_route: that believes whoever wrote the header.
        caller = context.caller = self._caller(env.get("REMOTE_ADDR", ""), env.get("HTTP_X_FORWARDED_FOR", ""))
        logs.request.set((request_id, caller))


def new_request_ids() -> Callable[[], str]:
    """Ids that no other process gives, nor this one twice. They are not secret: nothing is opened by knowing one."""
    process, numbers = secrets.token_hex(8), count()
    return lambda: f"req_{process}{next(numbers):08x}"


def _is_sane(given: str) -> bool:
    return _SANE_REQUEST_ID.fullmatch(given) is not None and redact(given) == given


class Admission:
    def __init__(self, gate: Gate, clock: Clock, service: str) -> None:
        self._gate, self._service = gate, service
        self._elapsed_seconds = clock.elapsed_seconds

    def process_resource(self, req: falcon.Request, resp: Response, resource: object, params: dict[str, Any]) -> None:
        operation = operation_of(resource, req.method)
        if operation is None:
            return
        context = req.context
        context.began = self._elapsed_seconds()
        verdict = context.verdict = self._gate.admit(
            _presented(req), operation.permission, context.began, urgent=operation.urgent
        )
        if verdict.refusal is not None:
            raise refusal_problem(verdict, verdict.refusal, operation.permission)

    def process_response(self, req: falcon.Request, resp: Response, resource: object, req_succeeded: bool) -> None:
        context = req.context
        verdict: Verdict | None = getattr(context, "verdict", None)
        if verdict is None:
            return
        if verdict.grant is not None:
            _set_headers(resp, verdict)
        self._record(req, resp, verdict)

    def _record(self, req: falcon.Request, resp: Response, verdict: Verdict) -> None:
        env, context = req.env, req.context
        method, status = req.method, resp.status_code
        seconds = self._elapsed_seconds() - context.began
        self._gate.record(
            verdict,
            request_id=context.request_id,
            method=method,
            route=req.uri_template or "",
            status=status,
            seconds=seconds,
            size=0 if method == "HEAD" else len(resp.data or b""),
            address=context.caller,
            user_agent=env.get("HTTP_USER_AGENT", ""),
        )
        metrics.request_counts.note(self._service, method, status, seconds)


def _presented(req: falcon.Request) -> Presented:
    in_query = req.params.get("api_key")
    keys = () if in_query is None else (in_query,) if isinstance(in_query, str) else tuple(in_query)
    return Presented(req.env.get("HTTP_AUTHORIZATION"), keys, req.context.caller)


def _set_headers(resp: Response, verdict: Verdict) -> None:
    """RateLimit as of the IETF draft, and who may keep the answer."""
    if verdict.in_query:
        resp.put("cache-control", "private, no-store")
    elif resp.get_header("cache-control") is None:
        resp.put("cache-control", "private")
    if verdict.limits is not None and verdict.spent is not None:
        name = RESERVE if verdict.from_reserve else "minute"
        policy, state = rate_limit_headers(verdict.limits, verdict.spent, name)
        resp.put("ratelimit-policy", policy)
        resp.put("ratelimit", state)


def rate_limit_headers(limits: Limits, spent: Spent, name: str = "minute") -> tuple[str, str]:
    """RateLimit-Policy and RateLimit; an unlimited day is left out of both. `name`: of the policy of a minute."""
    state = f'"{name}";r={spent.minute_left};t={spent.minute_reset_seconds}'
    if limits.day is not None:
        state += f', "day";r={spent.day_left};t={spent.day_reset_seconds}'
    return _policy(name, limits.minute, limits.day), state


@lru_cache(maxsize=1024)
def _policy(name: str, minute: int, day: int | None) -> str:
    policy = f'"{name}";q={minute};w={MINUTE_SECONDS:.0f}'
    return policy if day is None else f'{policy}, "day";q={day};w={DAY_SECONDS}'
