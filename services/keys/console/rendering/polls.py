"""Polls: parts of an open page, asked for again and again, and answered 304 while nothing has changed (RFC 9110).

A tag is of what a part is made of, and not of its HTML: so it is known before anything is rendered.
"""

import hashlib
from typing import Any

import falcon
import msgspec

from services.keys.console.rendering.languages import language_of

_DIGEST_BYTES = 12
_encode = msgspec.json.Encoder(order="deterministic").encode


def tag_of(req: falcon.Request, made_of: Any) -> str:
    """Of what is shown in the reader's language. Weak: what compresses on the way may do so. `made_of`: as for JSON."""
    digest = hashlib.blake2b(_encode((language_of(req), made_of)), digest_size=_DIGEST_BYTES).hexdigest()
    return f'W/"{digest}"'


def answers_known(req: falcon.Request, resp: falcon.Response, tag: str) -> bool:
    """Whether who polls has just that; then the answer is 304."""
    if req.get_header("If-None-Match") != tag:
        return False
    resp.status = 304
    resp.set_header("ETag", tag)
    resp.set_header("Cache-Control", "no-store")
    return True
