"""Lines of log files about a request: the services' JSON, nginx's, or anything that has its id as a word."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from services.cli.failure import Failure
from shared.observability.redaction import redact

LINES_MAX = 10_000
_CHARACTERS_MAX = 64 * 1024  # of a line; what is longer is cut
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
        told = json.loads(line)
    except ValueError:
        return None
    stamp = told.get("timestamp") if isinstance(told, dict) else None
    return stamp if isinstance(stamp, str) else None
