"""Witnesses of an attack: callers who go on trying keys at gates, and write down who each gate said they are."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx

from tests import local_http
from tests.stack import Stack

_PAUSE_SECONDS, _WAIT_SECONDS_MAX = 0.2, 120


class Door(NamedTuple):
    """Asks its gate for a permission that a key with events:read does not have."""

    service: str
    method: str
    path: str


DOORS = (
    Door("keys", "GET", "/v1/keys?limit=1"),
    Door("keys", "POST", "/v1/keys"),
    Door("auth", "GET", "/v1/authorize?permission=admin"),
    Door("usage", "GET", "/v1/usage"),
    Door("sensors", "GET", "/v1/sensors"),
)
_ORIGINAL = {"X-Original-Method": "GET", "X-Original-URI": "/"}  # what auth's door asks about
_NEW_KEY = {"name": "made by a forger", "permissions": ["admin"]}


class Witnesses:
    """`secrets`: name → secret. `told`: (service, name) → every problem that was the answer, or the status without one.

    A gate that cannot be reached or is not fresh says of nobody who he is: 502 to 504 do not count.
    """

    def __init__(self, stack: Stack, secrets: Mapping[str, str], services: Iterable[str]) -> None:
        self._stack, self._secrets = stack, secrets
        self._doors = [door for door in DOORS if door.service in set(services)]
        self.told: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._over, self._tried = threading.Event(), threading.Condition()
        self._rounds = dict.fromkeys(self._doors, 0)
        self._threads = ThreadPoolExecutor(len(self._doors), thread_name_prefix="witness")

    def until_each_was_tried_twice(self) -> None:
        with self._tried:
            wanted = {door: rounds + 2 for door, rounds in self._rounds.items()}
            assert self._tried.wait_for(
                lambda: all(self._rounds[door] >= wanted[door] for door in wanted), _WAIT_SECONDS_MAX
            )

    def __enter__(self) -> "Witnesses":
        self._running = [self._threads.submit(self._try, door) for door in self._doors]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._running:
            each.result()
        self._threads.shutdown()

    def _try(self, door: Door) -> None:
        body: dict[str, Any] = {"json": _NEW_KEY} if door.method == "POST" else {}
        with local_http.client(base_url=self._stack.public_url(door.service), headers=_ORIGINAL, timeout=30) as client:
            while not self._over.wait(_PAUSE_SECONDS):
                for name, secret in self._secrets.items():
                    try:
                        headers = {"Authorization": f"Bearer {secret}"}
                        self._write_down(
                            door.service, name, client.request(door.method, door.path, headers=headers, **body)
                        )
                    except httpx.HTTPError:
                        continue  # it is being started anew
                with self._tried:
                    self._rounds[door] += 1
                    self._tried.notify_all()

    def _write_down(self, service: str, name: str, answer: httpx.Response) -> None:
        if answer.status_code not in (502, 503, 504):
            is_problem = answer.headers.get("Content-Type", "").startswith("application/problem+json")
            told = answer.json()["type"].rsplit("/", 1)[1] if is_problem else str(answer.status_code)
            self.told[service, name].add(told)
