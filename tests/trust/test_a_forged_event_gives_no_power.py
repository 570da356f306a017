"""Whoever may write to the bus invents keys: no gate admits one, none makes another, and no follower begins anew."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from shared.eventsourcing.event_store import Head
from tests.e2e.running import Distributed, eventually
from tests.stack import Stack
from tests.trust.forger import DOORS, Bus, Forgery, head_of, unproved, variants

HEARERS = {"keys": 1, "auth": 2, "usage": 2, "sensors": 1}
NEW_KEY = {"name": "made by a forger", "permissions": ["admin"]}


def test_a_forged_key_opens_nothing_and_moves_no_follower(distributed: Distributed) -> None:
    stack = distributed.stack
    bus = Bus(stack)
    distributed.create_key("sensors:read")
    genuine = eventually(bus.heard, lambda heard: heard != [], seconds=30)[-1]
    nearby = [(_next, kind) for kind in variants(Forgery(distributed.organisation, head_of(stack)).event, genuine)]
    for where, kind in (*nearby, (_beyond, "without a proof"), (_elsewhere, "signed by somebody")):
        forgery = where(distributed.organisation, head_of(stack))
        before = {service: unproved(stack, service) for service in DOORS}
        with Trying(stack, forgery.secret) as trying:
            bus.publish(variants(forgery.event, genuine)[kind])
            trying.until_each_was_tried_twice()
            if not trying.admitted:
                eventually(lambda: _unheard(stack, before), lambda unheard: unheard == [], seconds=60)  # noqa: B023
                trying.until_each_was_tried_twice()
        assert trying.admitted == [], f"{kind}, {where.__name__}"
    assert "follower_restarted" not in stack.errors()
    _, secret = distributed.create_key("sensors:read")  # what is genuine is believed at once, at the forged place
    assert httpx.get(f"{stack.url}/v1/sensors", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    bus.close()


def _next(organisation: str, head: Head) -> Forgery:
    return Forgery(organisation, head)


def _beyond(organisation: str, head: Head) -> Forgery:
    return Forgery(organisation, head, beyond=5)


def _elsewhere(organisation: str, head: Head) -> Forgery:
    return Forgery(organisation, head, epoch="another log")


def _unheard(stack: Stack, before: dict[str, int]) -> list[str]:
    """Services of which a gate, or the worker that follows keys, has not counted the forgery yet."""
    return [service for service, count in before.items() if unproved(stack, service) < count + HEARERS[service]]


class Trying:
    """The secret is tried at each gate, over and over, and asked to make a key. `admitted`: what came of it."""

    def __init__(self, stack: Stack, secret: str) -> None:
        original = {"X-Original-Method": "GET", "X-Original-URI": "/"}  # what auth's door asks about
        headers = {"Authorization": f"Bearer {secret}"} | original
        self._clients = {name: httpx.Client(base_url=stack.public_url(name), headers=headers) for name in DOORS}
        self.admitted: list[str] = []
        self._over = threading.Event()
        self._tried = threading.Condition()
        self._rounds = dict.fromkeys((*DOORS, "made"), 0)
        self._threads = ThreadPoolExecutor(len(self._rounds))

    def until_each_was_tried_twice(self) -> None:
        with self._tried:
            wanted = {name: count + 2 for name, count in self._rounds.items()}
            assert self._tried.wait_for(lambda: all(self._rounds[name] >= wanted[name] for name in wanted), 60)

    def __enter__(self) -> "Trying":
        for name, path in DOORS.items():
            self._threads.submit(self._try, name, lambda name=name, path=path: self._clients[name].get(path))  # type: ignore[misc]
        self._threads.submit(self._try, "made", lambda: self._clients["keys"].post("/v1/keys", json=NEW_KEY))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._threads.shutdown()
        for client in self._clients.values():
            client.close()

    def _try(self, name: str, ask: Callable[[], httpx.Response]) -> None:
        while not self._over.is_set():
            answer = ask()
            # Guessing is slowed down, which is no admission either.
            if answer.status_code not in (httpx.codes.UNAUTHORIZED, httpx.codes.TOO_MANY_REQUESTS):
                self.admitted.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            with self._tried:
                self._rounds[name] += 1
                self._tried.notify_all()
