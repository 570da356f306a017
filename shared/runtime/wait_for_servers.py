"""Retry with backoff at a process's start: waits up to a minute for a server that does not answer yet.

If the server stays away, one clear line names the setting and the address.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

WAIT_SECONDS_MAX = 60.0
_DELAY_SECONDS_FIRST = 0.25
_DELAY_SECONDS_MAX = 5.0


class ServerUnreachable(Exception):
    """The server did not answer in time. The text names the setting and the address, never the password."""

    def __init__(self, setting: str, url: str, reason: str) -> None:
        super().__init__(
            f"{setting}: {address(url)} could not be used within {WAIT_SECONDS_MAX:.0f} s ({reason}). "
            "Is it running, and are the user name and password right?"
        )


def address(url: str) -> str:
    """The URL's scheme, host, port and path, without its credentials."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def await_server(setting: str, url: str, connect: Callable[[], None], faults: tuple[type[Exception], ...]) -> None:
    """Calls `connect` until it raises none of `faults`. Raises ServerUnreachable after WAIT_SECONDS_MAX."""
    deadline, delay = time.monotonic() + WAIT_SECONDS_MAX, _DELAY_SECONDS_FIRST
    while True:
        try:
            connect()
        except faults as error:
            if time.monotonic() + delay > deadline:
                raise ServerUnreachable(setting, url, type(error).__name__) from error
            time.sleep(delay)
            delay = min(2 * delay, _DELAY_SECONDS_MAX)
        else:
            return
