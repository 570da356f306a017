"""Repetitions in a log: of each kind of error or warning a line a minute, of each kind of exception a traceback a day.

What fails five times a second while a disk is full must not fill the next one; and while one database is away, every
query of every loop fails of it, each under a name of its own.
"""

import re
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable

import structlog

from shared.observability.once_a_minute import OnceAMinute
from shared.observability.redaction import redact

_ERRORS = ("error", "exception", "critical")
_OURS = ("services.", "shared.")
_OF_A_REQUEST = ("request_id", "address", "trace_id")
_EVENT_MAX, _SAID_MAX, _CAUSES_MAX = 100, 500, 5
_EVENTS_MAX, _DIFFERENT_MAX, _EXCEPTIONS_MAX = 1000, 20, 1000
# Log files are rotated: a traceback that was written once in a process would be gone when somebody looks for it.
_IN_FULL_SECONDS = 24 * 3600
# Addresses, ports, ids, seconds: what libraries write into their sentences.
_WITH_A_DIGIT = re.compile(r"\S*\d\S*")


class Repetitions:
    """Processor that lets one line a minute pass of each kind, which says how many it stands for (`cases`).

    A kind is an event with a kind of exception; or one that says the same of everything but the request. Of these so
    many are told apart of one event, and further ones share a line. A kind of exception is its type, those of its
    causes, and the place in our code that it came through last (`at`). Its first line of a day has the traceback; later
    ones, whatever they are about, have its last line.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: elapsed seconds."""
        self._told, self._in_full = OnceAMinute(now), OnceAMinute(now, every=_IN_FULL_SECONDS)
        self._said: defaultdict[str, set[str]] = defaultdict(set)  # by event
        self._events, self._exceptions = set[str](), set[str]()

    def __call__(self, _logger: object, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        error = _exception_in(line)
        if error is None and method not in (*_ERRORS, "warning"):
            return line
        event = _one_of(self._events, _WITH_A_DIGIT.sub("", str(line.get("event"))[:_EVENT_MAX]), _EVENTS_MAX)
        if error is None:
            kind = _one_of(self._said[event], _said_in(method, {**line, "event": event}), _DIFFERENT_MAX)
        else:
            line["at"] = _place(error)
            kind = _one_of(self._exceptions, f"{_types(error)} {line['at']}", _EXCEPTIONS_MAX)
        cases = self._told.due((method, event, kind))
        if cases is None:
            raise structlog.DropEvent
        if cases > 1:
            line["cases"] = cases
        # Of those that are told no further apart any traceback would be only one's.
        if error is not None and (not kind or self._in_full.due(kind) is None):
            del line["exc_info"]
            line["exception"] = _text(error)
        return line


def _one_of(known: set[str], asked: str, count_max: int) -> str:
    """The one that was asked about, which is known from now on; of too many "", which stands for all others."""
    if asked not in known and len(known) >= count_max:
        return ""
    known.add(asked)
    return asked


def _exception_in(line: structlog.typing.EventDict) -> BaseException | None:
    match line.get("exc_info"):
        case BaseException() as error:
            return error
        case (_, BaseException() | None as error, _):
            return error
        case told:
            return sys.exc_info()[1] if told else None


def _types(error: BaseException) -> str:
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(names) < _CAUSES_MAX:
        names.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    return " ".join(names)


def _place(error: BaseException) -> str:
    """The last that is ours, so that a library's one place does not stand for all that ask it; else the last."""
    places = [(frame.f_globals.get("__name__", ""), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    module, line = next((place for place in reversed(places) if place[0].startswith(_OURS)), (places or [("", 0)])[-1])
    return f"{module}:{line}"


def _text(error: BaseException) -> str:
    """Cut after its secrets are: of half a key nobody would know what it is."""
    return redact("".join(traceback.format_exception_only(error)))[:_SAID_MAX]


def _said_in(method: str, line: structlog.typing.EventDict) -> str:
    """Errors name things, too, by which they are no others. The record of a library's line is told by its parts."""
    if method in _ERRORS:
        return _WITH_A_DIGIT.sub("", str(line.get("detail", line.get("service", ""))))[:_SAID_MAX]
    said = ((name, repr(value)) for name, value in line.items() if name not in (*_OF_A_REQUEST, "_record"))
    return repr(sorted(said))[:_SAID_MAX]
