"""Internal HTTP API of a service: metrics, readiness, the log's feed, the grants snapshot. Never on the public address.

Each account may ask what the routes say, and no more. Its readiness is its own: a public API that is not ready must
not close the feed it waits for.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Protocol

import falcon
import msgspec
import structlog

from shared.eventsourcing.event_store import Head
from shared.gate.grants import snapshot_stream
from shared.gate.grants.grant import Grant, Snapshot
from shared.observability import metrics
from shared.observability.at_scrape import Measure
from shared.observability.once_a_minute import OnceAMinute
from shared.replication.feed import (
    GATE_ID,
    PAGE_EVENTS,
    PAGE_EVENTS_MAX,
    Acknowledgement,
    FeedPage,
    FeedUnavailable,
    GateRefusal,
    GateRefused,
)
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_pages import NONCE, SIGNATURE_HEADER, question, sign_page
from shared.values.accounts import PROMETHEUS, SERVICES, SHARED
from shared.web.answers.process_state import MetricsNow, Readiness
from shared.web.exception_mapping import PROBLEM_JSON, problem_of
from shared.web.feed_question import held, named, place
from shared.web.requests.internal_callers import InternalCallers
from shared.web.route import InternalRoute

_log = structlog.get_logger(__name__)
_lines = OnceAMinute()
_READ_METRICS = frozenset({PROMETHEUS, "keys"})  # keys: its console shows those who run the system how it is
_grant = msgspec.json.Decoder(Grant)


def internal_application(
    routes: Sequence[InternalRoute],
    *,
    is_ready: Callable[[], bool],
    callers: InternalCallers,
    open_paths: Collection[str] = ("/healthz",),
    measures: Sequence[Measure] = (),
) -> falcon.App[falcon.Request, falcon.Response]:
    """The WSGI application. Requests must carry a token of an account that may ask, except for `open_paths`.

    `measures`: what `/metrics` measures when it is asked.
    """
    table = (
        InternalRoute("/metrics", MetricsNow(measures), _READ_METRICS),
        InternalRoute("/healthz", Readiness(lambda: True), SERVICES),
        InternalRoute("/readyz", Readiness(is_ready), SERVICES),
        *routes,
    )
    allowed = {route.path: route.callers for route in table}
    app = falcon.App(middleware=[_Doorkeeper(callers, allowed, open_paths)])
    app.add_error_handler(Exception, _failed)
    app.set_error_serializer(_as_problem)
    for route in table:
        app.add_route(route.path, route.resource)
    return app


class SizedFeed(Protocol):
    def pull(
        self,
        after: Head | None,
        acknowledgement: Acknowledgement | None,
        held: HeldHead | None,
        *,
        events_max: int,
        account: str | None,
    ) -> FeedPage: ...


class FeedPages:
    """`GET ?epoch&after&hash[&gate][&events][&nonce]`: the page after that place, with at most `events` events.

    With `gate`, the pull also acknowledges that this gate has applied the log up to the place. With `nonce`, a header
    holds the signature of page and question. `follower`, `held`: who follows, and the newest signed head it holds, as
    JSON.
    """

    def __init__(self, feed: SizedFeed, signer: Signer | None = None) -> None:
        self._feed, self._signer = feed, signer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        after = place(req)
        gate, nonce = named(req, "gate", GATE_ID), named(req, "nonce", NONCE)
        acknowledgement = Acknowledgement(gate=gate, position=after.position if after else 0) if gate else None
        events_max = req.get_param_as_int("events", min_value=1, default=PAGE_EVENTS)
        account = _account(req)
        try:
            page: Any = self._feed.pull(
                after, acknowledgement, held(req), events_max=min(events_max, PAGE_EVENTS_MAX), account=account
            )
        except GateRefused as refused:
            raise _gate_refused(refused.reason, account, gate) from None
        resp.content_type = "application/json"
        resp.data = encoded = msgspec.json.encode(page)
        if nonce is not None and self._signer is not None:
            asked = question(nonce, after, acknowledgement)
            resp.set_header(SIGNATURE_HEADER, sign_page(self._signer, asked, encoded))


class GatePlace:
    """`DELETE`: removes a gate that has stopped, so that no revocation waits for it."""

    def __init__(self, remove: Callable[[str, str | None], None]) -> None:
        """`remove`: a gate, for the account that asks."""
        self._remove = remove

    def on_delete(self, req: falcon.Request, resp: falcon.Response, gate_id: str) -> None:
        if not GATE_ID.fullmatch(gate_id):
            raise falcon.HTTPBadRequest(title="this is no gate's id")
        account = _account(req)
        try:
            self._remove(gate_id, account)
        except GateRefused as refused:
            raise _gate_refused(refused.reason, account, gate_id) from None
        resp.status = 204


class GrantsSnapshot:
    """`GET`: all grants at one place of the log, for a starting gate: a stream, or one document for older gates."""

    def __init__(self, blocks: Callable[[], Iterable[bytes]], signer: Signer | None = None) -> None:
        """`blocks`: of lines, as snapshot_stream.compressed takes them. `signer`: of streams asked for with a nonce."""
        self._blocks, self._signer = blocks, signer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if snapshot_stream.CONTENT_TYPE in (req.get_header("Accept") or ""):
            resp.content_type = snapshot_stream.CONTENT_TYPE
            resp.set_header("Content-Encoding", "gzip")
            nonce, signing = named(req, "nonce", NONCE), None
            if nonce is not None and self._signer is not None:
                signing = snapshot_stream.Signing(signer=self._signer, nonce=nonce)
            resp.stream = snapshot_stream.compressed(self._begun(), signing)
        else:
            frame, *blocks = self._begun()
            grants = _grant.decode_lines(b"\n".join(blocks))
            snapshot = msgspec.json.decode(frame, type=Snapshot)
            resp.content_type = "application/json"
            resp.data = msgspec.json.encode(replace(snapshot, grants=tuple(grants)))

    def _begun(self) -> Iterable[bytes]:
        """With the first block read: what cannot be had is told before the answer begins."""
        blocks = iter(self._blocks())
        try:
            return chain((next(blocks),), blocks)
        except FeedUnavailable as error:
            raise falcon.HTTPServiceUnavailable(title="no grants now", description=str(error), retry_after=1) from None


class _Doorkeeper:
    """Who asks, before anything is looked at; and whether that account may, before the resource is asked."""

    def __init__(
        self, callers: InternalCallers, allowed: Mapping[str, frozenset[str]], open_paths: Collection[str]
    ) -> None:
        self._callers, self._allowed, self._open_paths = callers, allowed, open_paths

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        account = self._callers.account_of(req.get_header("Authorization"))
        if account is None and req.path not in self._open_paths:
            metrics.internal_refused.labels("unknown-token").inc()
            _log_rarely("internal_token_unknown", None)
            raise falcon.HTTPUnauthorized(title="the internal token is missing or wrong")
        req.context.account = account

    def process_resource(self, req: falcon.Request, resp: falcon.Response, resource: object, params: object) -> None:
        account, path = req.context.account, req.uri_template or ""
        if account == SHARED or req.path in self._open_paths or account in self._allowed.get(path, ()):
            return
        metrics.internal_refused.labels("not-allowed").inc()
        _log_rarely("internal_request_not_allowed", account, path=path)
        raise falcon.HTTPForbidden(
            title="this account may not ask that", description=f"{account} may not ask for {path} here."
        )


def _account(req: falcon.Request) -> str | None:
    """None: it is not known which service asks."""
    account: str | None = req.context.account
    return None if account == SHARED else account


def _gate_refused(reason: GateRefusal, account: str | None, gate: str | None) -> falcon.HTTPError:
    _log_rarely("gate_refused", account, reason=reason.value, gate=gate)
    match reason:
        case GateRefusal.FOREIGN:
            return falcon.HTTPForbidden(
                title="this gate is another account's",
                description=f"{account} did not speak for it first, so it neither acknowledges nor removes it.",
            )
        case GateRefusal.CAP:
            return falcon.HTTPServiceUnavailable(
                title="this account has as many gates as it may have",
                description=f"{account} has GATES_MAX gates; those that are silent go when their lease is over.",
                retry_after=1,
            )


def _log_rarely(event: str, account: str | None, **facts: str | None) -> None:
    """Once a minute for each account: a metric counts them all."""
    if _lines.due((event, account)) is not None:
        _log.warning(event, account=account, **facts)


def _failed(req: falcon.Request, _resp: falcon.Response, error: Exception, _params: dict[str, Any]) -> None:
    """Falcon would write each traceback to standard error as it is: all of them, and with whatever key is in them."""
    problem = problem_of(error, req.method, req.uri_template)
    raise falcon.HTTPError(problem.type.status, title=problem.type.name, headers=dict(problem.headers))


def _as_problem(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    resp.content_type = PROBLEM_JSON
    problem = {"title": error.title, "status": falcon.http_status_to_code(error.status), "detail": error.description}
    resp.data = msgspec.json.encode({name: value for name, value in problem.items() if value is not None})
