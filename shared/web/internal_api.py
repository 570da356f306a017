"""Internal HTTP API of a service: metrics, readiness, the log's feed, the grants snapshot. Never on the public address.

Its readiness is its own: a public API that is not ready must not close the feed it waits for.
"""

import hmac
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import falcon
import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from shared.eventsourcing.event_store import Head
from shared.gate.grants import snapshot_stream
from shared.gate.grants.grant import Grant, Snapshot
from shared.observability import metrics
from shared.replication.feed import (
    EPOCH,
    GATE_ID,
    HASH,
    PAGE_EVENTS,
    PAGE_EVENTS_MAX,
    POSITION_MAX,
    Acknowledgement,
    FeedPage,
)
from shared.replication.proof.signatures import Signer
from shared.replication.proof.signed_pages import NONCE, SIGNATURE_HEADER, question, sign_page
from shared.web.route import Route

_grant = msgspec.json.Decoder(Grant)


def internal_application(
    routes: Sequence[Route], *, is_ready: Callable[[], bool], token: str, open_paths: Collection[str] = ("/healthz",)
) -> falcon.App[falcon.Request, falcon.Response]:
    """The WSGI application. Requests must carry the token as Bearer, except for `open_paths`."""
    middleware: list[Any] = [_Token(token, open_paths)]
    app = falcon.App(middleware=middleware)
    app.add_route("/metrics", _Metrics())
    app.add_route("/healthz", _Ready(lambda: True))
    app.add_route("/readyz", _Ready(is_ready))
    for path, resource in routes:
        app.add_route(path, resource)
    return app


class SizedFeed(Protocol):
    def pull(self, after: Head | None, acknowledgement: Acknowledgement | None, *, events_max: int) -> FeedPage: ...


class FeedPages:
    """`GET ?epoch&after&hash[&gate][&events][&nonce]`: the page after that place, with at most `events` events.

    With `gate`, the pull also acknowledges that this gate has applied the log up to the place. With `nonce`, a header
    holds the signature of page and question.
    """

    def __init__(self, feed: SizedFeed, signer: Signer | None = None) -> None:
        self._feed, self._signer = feed, signer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        place = _place(req)
        gate, nonce = _named(req, "gate", GATE_ID), _named(req, "nonce", NONCE)
        acknowledgement = Acknowledgement(gate=gate, position=place.position if place else 0) if gate else None
        events_max = req.get_param_as_int("events", min_value=1, default=PAGE_EVENTS)
        page: Any = self._feed.pull(place, acknowledgement, events_max=min(events_max, PAGE_EVENTS_MAX))
        resp.content_type = "application/json"
        resp.data = encoded = msgspec.json.encode(page)
        if nonce is not None and self._signer is not None:
            asked = question(nonce, place, acknowledgement)
            resp.set_header(SIGNATURE_HEADER, sign_page(self._signer, asked, encoded))


class GatePlace:
    """`DELETE`: removes a gate that has stopped, so that no revocation waits for it."""

    def __init__(self, remove: Callable[[str], None]) -> None:
        self._remove = remove

    def on_delete(self, req: falcon.Request, resp: falcon.Response, gate_id: str) -> None:
        if not GATE_ID.fullmatch(gate_id):
            raise falcon.HTTPBadRequest(title="this is no gate's id")
        self._remove(gate_id)
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
            nonce, signing = _named(req, "nonce", NONCE), None
            if nonce is not None and self._signer is not None:
                signing = snapshot_stream.Signing(signer=self._signer, nonce=nonce)
            resp.stream = snapshot_stream.compressed(self._blocks(), signing)
        else:
            frame, *blocks = self._blocks()
            grants = _grant.decode_lines(b"\n".join(blocks))
            snapshot = msgspec.json.decode(frame, type=Snapshot)
            resp.content_type = "application/json"
            resp.data = msgspec.json.encode(replace(snapshot, grants=tuple(grants)))


class Checkpoint:
    """`GET`: this service's checkpoint in a log that it follows, with the hash it saw there. For audits of that log."""

    def __init__(self, follower: str, checkpoint: Callable[[], Head | None]) -> None:
        self._follower, self._checkpoint = follower, checkpoint

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "application/json"
        resp.data = msgspec.json.encode({"follower": self._follower, "checkpoint": self._checkpoint()})


class _Token:
    def __init__(self, token: str, open_paths: Collection[str]) -> None:
        self._open_paths = open_paths
        self._expected = f"Bearer {token}".encode()

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = (req.get_header("Authorization") or "").encode()
        if req.path not in self._open_paths and not hmac.compare_digest(given, self._expected):
            raise falcon.HTTPUnauthorized(title="the internal token is missing or wrong")


class _Metrics:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = metrics.exposition()


class _Ready:
    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = 200 if self._is_ready() else 503


def _place(req: falcon.Request) -> Head | None:
    epoch = _named(req, "epoch", EPOCH)
    if epoch is None:
        return None
    position = req.get_param_as_int("after", required=True, min_value=0, max_value=POSITION_MAX)
    hash_ = _named(req, "hash", HASH)
    if hash_ is None:
        raise falcon.HTTPMissingParam("hash")
    return Head(epoch=epoch, position=position, hash=hash_)


def _named(req: falcon.Request, name: str, form: re.Pattern[str]) -> str | None:
    """A parameter that is given once, in its form; None where it is not there. Nothing of it is quoted."""
    given = req.params.get(name)
    if given is None or (isinstance(given, str) and form.fullmatch(given)):
        return given
    raise falcon.HTTPInvalidParam("it must be there once, in the form that followers write", name)
