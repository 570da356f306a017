"""Lines of log files about a request: the services' JSON, nginx's, or anything that has its id as a word."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from services.cli.failure import Failure
from shared.observability.redaction import redact
from shared.values.timestamps import rfc3339

LINES_MAX = 10_000
_CHARACTERS_MAX = 64 * 1024  # of a line; what is longer is cut
_CONTAINER = re.compile(r"^[\w.-]+ +\| ")  # before each line of `docker-compose logs --no-color`
_OF_FRONT = re.compile(r"^[^{]*\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)\]")
_AROUND = "[A-Za-z0-9._:-]"  # what an id may have, so that none is found inside another


def lines_about(request_id: str, files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """`at`: where the line says so. Raises Failure for a file that cannot be read."""
    is_it = re.compile(f"(?<!{_AROUND}){re.escape(request_id)}(?!{_AROUND})")
    found = 0
    for file in files:
        try:
            with file.open(errors="replace") as lines:
                while found < LINES_MAX and (line := lines.readline(_CHARACTERS_MAX)):
                    if is_it.search(line):
                        found += 1
                        yield {"at": _time(line), "file": file.name, "line": redact(line.rstrip("\n"))}
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}.") from None


def _time(line: str) -> str | None:
    try:
        if of_front := _OF_FRONT.search(line):
            return rfc3339(datetime.fromisoformat(of_front[1]))
        told = json.loads(_CONTAINER.sub("", line, count=1))
    except ValueError:
        return None
    stamp = told.get("timestamp") if isinstance(told, dict) else None
    return stamp if isinstance(stamp, str) else None
