"""ETag and If-Match: a resource's revision as a header, and the revision that a caller says it has seen."""

import re

_ETAG = re.compile(r'"(\d{1,9})"')


def etag(revision: int) -> dict[str, str]:
    """The ETag header of a revision."""
    return {"ETag": f'"{revision}"'}


def seen_revision(if_match: str | None) -> int | None:
    """The revision in If-Match. None: any will do. 0, which nothing has: an ETag that this API never returned."""
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    return int(match[1]) if match else 0
