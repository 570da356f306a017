"""Places of wide questions: how many a process answers at once, so that narrow ones never wait behind them.

Two in all, one of an organisation. Who finds none is told at once to come back: 429 if the organisation has it, 503 if
others have both.
"""

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from shared.contracts.errors import InvalidArguments
from shared.web.problems.catalogue import Problem, unavailable

AT_ONCE_MAX = 2
RETRY_AFTER_SECONDS = 5


class WideQuestions:
    """For threads, and for green ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking = set[str]()

    @contextmanager
    def asking(self, organisation_id: str, *, is_wide: bool) -> Iterator[None]:
        """Holds a place while a wide question is answered. Raises Problem, also where too much would be read."""
        place = self.take(organisation_id) if is_wide else None
        try:
            yield
        except InvalidArguments as error:
            raise Problem("range-too-long", str(error)) from None
        finally:
            if place is not None:
                place.close()

    def take(self, organisation_id: str) -> "Place":
        """Raises Problem."""
        with self._lock:
            if organisation_id in self._asking:
                raise Problem(
                    "quota-exceeded",
                    "the organisation is being answered such a wide question already: ask one after the other",
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                    members={"violated-policies": ["wide-questions"]},
                )
            if len(self._asking) >= AT_ONCE_MAX:
                raise unavailable(detail="wide questions of others are being answered: ask again, or a narrower one")
            self._asking.add(organisation_id)
        return Place(self, organisation_id)

    def give_back(self, organisation_id: str) -> None:
        """Without the lock, which the garbage collector's thread may be holding when it calls this."""
        self._asking.discard(organisation_id)


class Place:
    """Given back by `close`, once, or when nobody has it any more."""

    def __init__(self, places: WideQuestions, organisation_id: str) -> None:
        self._places: WideQuestions | None = places
        self._organisation_id = organisation_id

    def close(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.give_back(self._organisation_id)

    def __del__(self) -> None:
        self.close()


class Stream:
    """Parts of an answer that hold a place until they are read or closed, as WSGI servers do; or nobody has them.

    What makes them is closed, too.
    """

    def __init__(self, parts: Iterable[bytes], place: Place) -> None:
        self._parts: Iterator[bytes] = iter(parts)
        self._place = place

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self._place.close()
            raise

    def close(self) -> None:
        try:
            if isinstance(self._parts, Generator):
                self._parts.close()
        finally:
            self._place.close()
