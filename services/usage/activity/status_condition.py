"""Status of an answer as a condition: one, such as 429, or a class of them, such as 4xx."""

import re

STATUS = re.compile(r"([1-5])(xx|[0-9]{2})", re.ASCII)


def status_range(status: str) -> tuple[int, int]:
    """First and last status that it stands for."""
    if status.endswith("xx"):
        first = int(status[0]) * 100
        return first, first + 99
    return int(status), int(status)
