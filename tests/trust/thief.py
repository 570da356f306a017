"""A thief with a key and eight connections, the ways in which its owner ends its power, and what the log says of it."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import select

from services.keys import tables
from shared.sql.database import Database

CONNECTIONS = 8
_ATTEMPTS_MAX = 500
_WAIT_SECONDS_MAX = 60
BODY = {"name": "the thief's", "permissions": ["admin"], "labels": {"made": "by-the-thief"}}
Answered = TypeVar("Answered")
Creation = Callable[[], tuple[int, dict[str, Any]]]


class Ending(NamedTuple):
    """What the owner asks, the event that says so, and the problem that the key is answered from then on."""

    method: str
    path: str
    body: dict[str, Any] | None
    event: str
    refusal: str


ENDINGS = {
    "revoke": Ending("POST", "/v1/keys/{}/revoke", {"also_made": True}, "KeyRevoked", "key-revoked"),
    "rotate": Ending("POST", "/v1/keys/{}/rotate", {"grace_seconds": 0}, "KeyRotated", "key-rotated"),
    "suspend": Ending("POST", "/v1/keys/{}/suspend", {}, "KeySuspended", "key-suspended"),
    "take admin": Ending(
        "PATCH", "/v1/keys/{}", {"permissions": ["sensors:read"]}, "KeyPermissionsChanged", "insufficient-permission"
    ),
    "delete": Ending("DELETE", "/v1/keys/{}", None, "KeyRevoked", "invalid-key"),
}


class Thief:
    """Creates keys on each connection until it is refused. `connections`: a creation each: (status, body)."""

    def __init__(self, connections: Sequence[Creation]) -> None:
        self._connections, self._changed = connections, threading.Condition()
        self.made: list[str] = []
        self.refused: list[str] = []

    def steal_until(self, made: int, end: Callable[[], Answered]) -> Answered:
        """Calls `end` once so many were made, and returns what it returned when each connection was refused."""
        with ThreadPoolExecutor(len(self._connections)) as threads:
            running = [threads.submit(self._steal, create) for create in self._connections]
            with self._changed:
                is_made = self._changed.wait_for(lambda: len(self.made) >= made, _WAIT_SECONDS_MAX)
            ended = end()
            for each in running:
                each.result()
        assert is_made, self.refused
        return ended

    def _steal(self, create: Creation) -> None:
        for _ in range(_ATTEMPTS_MAX):
            status, body = create()
            with self._changed:
                self._changed.notify_all()
                if status != 201:
                    self.refused.append(body["type"].rsplit("/", 1)[1])
                    return
                self.made.append(body["id"])


def behind_the_end(database: Database, key_id: str, event: str) -> list[tuple[int, str]]:
    """The events by this key behind the one that ended its power: by how many positions, and what."""
    log = tables.log
    with database.reading() as tx:
        rows = tx.execute(select(log).order_by(log.c.position)).all()
    (end,) = [row.position for row in rows if row.stream == key_id and row.type == event]
    later = [row for row in rows if row.position > end]
    return [(row.position - end, row.type) for row in later if json.loads(row.metadata)["actor"] == key_id]
