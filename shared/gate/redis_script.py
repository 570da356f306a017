"""Redis client of one script: one connection, one call at a time.

It never repeats a call: its caller cannot know whether it was counted, and must act on that.
"""

from typing import Any

CALL_SECONDS_MAX = 0.25


class CountersUnavailable(Exception):
    """Redis did not answer; whether it counted the call is unknown."""


class GateUnknown(CountersUnavailable):
    """Redis answers, but does not know this gate (any more): it must join again."""


class RedisScript:
    """Needs a lock between threads. Its calls raise CountersUnavailable."""

    def __init__(self, url: str, script: str, *, seconds_max: float = CALL_SECONDS_MAX) -> None:
        """`url`: redis://USER:PASSWORD@HOST:6379/0 (rediss:// for TLS). Nothing is connected yet."""
        # Imported here: it takes a third of a second, and most processes have no Redis.
        from redis.connection import ConnectionPool
        from redis.exceptions import RedisError

        self._faults = RedisError, OSError
        timeouts = {"socket_timeout": seconds_max, "socket_connect_timeout": seconds_max}
        self._pool: Any = ConnectionPool.from_url(url, protocol=2, **timeouts)
        self._connection: Any = None
        self._script, self._hash = script, ""

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        # Not by the pool itself: it counts the connections that it has ever made, and refuses the hundred and first.
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            connection.connect()
            connection.send_command("SCRIPT", "LOAD", self._script)
            self._hash = connection.read_response().decode()
        except self._faults as error:
            connection.disconnect()
            raise CountersUnavailable(type(error).__name__) from error
        self._connection = connection

    def run(self, keys: tuple[str, ...], *arguments: object) -> Any:
        try:
            self._connection.send_command("EVALSHA", self._hash, len(keys), *keys, *arguments, check_health=False)
            return self._connection.read_response()
        except self._faults as error:
            # No silent reconnect: after a new connection the gate must join, to learn what this Redis remembers.
            self.close()
            raise CountersUnavailable(type(error).__name__) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
