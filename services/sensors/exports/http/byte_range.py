"""Range requests of one range (RFC 9110, section 14): the bytes that are asked for, of a file that never changes."""

import re

_ONE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


class NotSatisfiable(Exception):
    """The range begins behind the end of the file."""


def asked_bytes(given: str | None, if_range: str | None, size: int, tag: str) -> tuple[int, int] | None:
    """[first, stop); None: the whole file, as for a header that says something else. Raises NotSatisfiable.

    `if_range`: counts only if it is the file's own tag; a date never is.
    """
    found = None if given is None else _ONE.fullmatch(given.strip().replace(" ", ""))
    if found is None or if_range not in (None, tag):
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        if int(suffix) == 0 or size == 0:
            raise NotSatisfiable
        return max(0, size - int(suffix)), size
    start, stop = int(first), size if not last else min(int(last) + 1, size)
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return start, stop
