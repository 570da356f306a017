"""Repetition: a request whose answer was lost, or for which the server had no time, is sent again, a few times.

Who sends it sees to it that it does nothing twice: by an Idempotency-Key, or because it sets what it names.
"""

import random
import time
from collections.abc import Callable

import httpx

TRIES = 4
WAIT_SECONDS_MAX = 30
_WAIT_SECONDS_MIN = 0.2
# The request had left, or part of it; one that never reached anybody is not among these.
_LOST = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
_LOST_IN_SILENCE = (httpx.ReadTimeout, httpx.WriteTimeout)
_NO_TIME = {httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}


class AnswerLost(Exception):
    """The last try brought no answer, and this one or an earlier one may have reached the server."""


def answered(
    send: Callable[[], httpx.Response], wait: Callable[[float], None] = time.sleep
) -> tuple[httpx.Response, bool]:
    """The answer, and whether an earlier try may have done it already. Raises AnswerLost and httpx's errors."""
    may_be_done = False
    for number in range(1, TRIES + 1):
        try:
            answer = send()
        except (*_LOST, *_LOST_IN_SILENCE) as error:
            may_be_done = True
            if number == TRIES:
                raise AnswerLost(str(error) or type(error).__name__) from None
            wait(_wait_seconds(number, 0))
        except httpx.HTTPError as error:
            if may_be_done:
                raise AnswerLost(str(error) or type(error).__name__) from None
            raise
        else:
            asked_seconds = _asked_seconds(answer)
            if not _is_to_be_asked_again(answer, may_be_done) or number == TRIES or asked_seconds > WAIT_SECONDS_MAX:
                return answer, may_be_done
            # A proxy may say so of a server that has done it.
            may_be_done = may_be_done or answer.status_code in _NO_TIME
            wait(_wait_seconds(number, asked_seconds))
    raise AssertionError("the last try returns or raises")


def _is_to_be_asked_again(answer: httpx.Response, may_be_done: bool) -> bool:
    """A conflict after a lost answer: the first request may be running still."""
    return answer.status_code in _NO_TIME or (may_be_done and answer.status_code == httpx.codes.CONFLICT)


def _asked_seconds(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else 0.0


def _wait_seconds(number: int, asked_seconds: float) -> float:
    """Never less than was asked for; a little more, so that many that were refused do not come back at once."""
    least = max(asked_seconds, _WAIT_SECONDS_MIN * float(2**number))
    return least * random.uniform(1, 1.25)
