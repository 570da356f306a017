"""Webhook sender: one signed message to one URL, by Standard Webhooks.

Any 2xx is a receipt; redirects are not followed.
"""

import functools
import ssl
import time
from collections.abc import Sequence
from datetime import datetime

import httpcore
from standardwebhooks import Webhook

from services.usage.notifications.delivery import ATTEMPT_SECONDS_MAX, Outcome, retry_after_seconds
from services.usage.notifications.senders.egress_guard import (
    AddressForbidden,
    DeadlinePassed,
    EgressPolicy,
    GuardedBackend,
    Resolve,
    system_resolve,
)

ANSWER_BYTES_MAX = 4096
USER_AGENT = "Grillo-Webhooks/1"


class WebhookSender:
    """`resolve` and `trusted` are replaced in tests: name resolution, and the trusted certificates."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        resolve: Resolve = system_resolve,
        trusted: ssl.SSLContext | None = None,
        seconds_max: float = ATTEMPT_SECONDS_MAX,
    ) -> None:
        self._policy, self._resolve, self._seconds_max = policy, resolve, seconds_max
        self._trusted = trusted or _trusted_by_this_machine()

    def send(
        self,
        url: str,
        message_id: str,
        payload: str,
        secrets: Sequence[str],
        now: datetime,
        traceparent: str | None = None,
    ) -> Outcome:
        """Posts the message, within the deadline. Faults of the receiver are in the Outcome, never raised."""
        if not url.startswith("https://") and not self._policy.allow_http:
            return Outcome(delivered=False, fault="only https URLs are allowed")
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        headers |= signed(message_id, payload, secrets, now)
        if traceparent is not None:
            headers["traceparent"] = traceparent
        backend = GuardedBackend(self._policy, self._resolve, time.monotonic() + self._seconds_max)
        try:
            # A pool for this exchange only: a connection that was checked for it is not reused by another.
            with (
                httpcore.ConnectionPool(ssl_context=self._trusted, network_backend=backend, http2=False) as pool,
                pool.stream("POST", url, headers=list(headers.items()), content=payload.encode()) as answer,
            ):
                _read_some(answer)
                return _outcome(answer, now)
        except AddressForbidden as forbidden:
            return Outcome(delivered=False, fault=str(forbidden))
        except (DeadlinePassed, httpcore.TimeoutException):
            return Outcome(delivered=False, fault=f"no answer within {self._seconds_max:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            return Outcome(delivered=False, fault=_description(error))


@functools.cache
def _trusted_by_this_machine() -> ssl.SSLContext:
    """Read once in a process: all the certificates take some sixty milliseconds of processor time."""
    return ssl.create_default_context()


def signed(message_id: str, payload: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Headers with one signature for each secret: during a rotation, receivers that know either can verify."""
    signatures = [Webhook(secret).sign(message_id, now, payload) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _read_some(answer: httpcore.Response) -> None:
    """Reads a short answer to its end, as receivers expect. Faults are ignored: the status, which counts, is known."""
    taken = 0
    try:
        for part in answer.iter_stream():
            taken += len(part)
            if taken >= ANSWER_BYTES_MAX:
                return
    except (DeadlinePassed, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return


def _outcome(answer: httpcore.Response, now: datetime) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(delivered=True, status=status)
    fault = "redirects are not followed" if 300 <= status < 400 else None
    asked = next((value for name, value in answer.headers if name.lower() == b"retry-after"), b"")
    wait_seconds = retry_after_seconds(asked.decode("latin-1"), now)
    return Outcome(delivered=False, status=status, fault=fault, retry_after_seconds=wait_seconds)


def _description(error: Exception) -> str:
    """Text for an error of the network: its type only, since its message may quote addresses."""
    text = str(error)
    return "the receiver's certificate cannot be verified" if "CERTIFICATE" in text.upper() else type(error).__name__
