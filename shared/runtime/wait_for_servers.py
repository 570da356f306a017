"""Waiting, at a start, for a broker or database that is not there yet; and one clear line when it stays away."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import kombu
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from sqlalchemy.exc import SQLAlchemyError

from shared.sql.database import Database

WAIT_SECONDS_MAX = 60.0
_DELAY_SECONDS_FIRST = 0.25
_DELAY_SECONDS_MAX = 5.0
_CONNECT_SECONDS_MAX = 5.0


class ServerUnreachable(Exception):
    """Names the setting and the address, never the password."""

    def __init__(self, setting: str, url: str, reason: str) -> None:
        super().__init__(
            f"{setting}: no use of {address(url)} within {WAIT_SECONDS_MAX:.0f} s ({reason}). "
            "Is it running, and are user and password right?"
        )


class DatabaseUnusable(Exception):
    """It answers, and its schema cannot be used or brought up to date."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"DATABASE_URL: {address(url)} cannot be migrated: {reason}")


def await_database(database: Database, url: str) -> None:
    """Raises ServerUnreachable."""

    def connect() -> None:
        with database.engine.connect():
            pass

    _await("DATABASE_URL", url, connect)


def await_broker(amqp_uri: str) -> None:
    """Raises ServerUnreachable."""

    def connect() -> None:
        with kombu.Connection(amqp_uri, connect_timeout=_CONNECT_SECONDS_MAX) as connection:
            connection.connect()

    _await("AMQP_URI", amqp_uri, connect)


def address(url: str) -> str:
    """Scheme, host, port and path: what a person needs, and no credentials."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _await(setting: str, url: str, connect: Callable[[], None]) -> None:
    deadline, delay = time.monotonic() + WAIT_SECONDS_MAX, _DELAY_SECONDS_FIRST
    while True:
        try:
            connect()
        except (SQLAlchemyError, AMQPError, KombuError, OSError) as error:
            if time.monotonic() + delay > deadline:
                raise ServerUnreachable(setting, url, type(error).__name__) from error
            time.sleep(delay)
            delay = min(2 * delay, _DELAY_SECONDS_MAX)
        else:
            return
