"""Entity tags (RFC 9110): `W/"REVISION.DIGEST"`, a resource's revision and a digest of what is shown of it.

If-Match compares the revision alone, weak or strong: a change is lost by a change, not by a new time of last use, and
proxies that compress weaken every tag. If-None-Match compares all of it.
"""

import hashlib
import re
from binascii import b2a_base64
from typing import Any

import msgspec

from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.web.problems.catalogue import Problem
from shared.web.requests.call import Answer

_DIGEST_BYTES = 12
# A list of tags; RFC 9110 lets empty elements pass. A revision alone, as bodies show it, is taken for its tag.
_TAG = r'(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|[0-9]{1,9})'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*(?:,[ \t]*)+{_TAG})*[ \t,]*")
# The same for documents, of ASCII alone.
TAGS = r'^(?:\*|(?:(?:W/)?"[!#-~]*"|[0-9]{1,9})(?:[ \t]*,[ \t]*(?:(?:W/)?"[!#-~]*"|[0-9]{1,9}))*)$'
_EACH = re.compile(r'(?:W/)?"([^"]*)"|([0-9]{1,9})')
_REVISION = re.compile(r"([0-9]{1,9})(?:\.[A-Za-z0-9_-]*)?")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_encode = msgspec.json.Encoder().encode


def entity_tag(revision: int | None, shown: bytes) -> str:
    """The tag of a resource whose representation is `shown`. Revision None: it has none; such a tag has 0."""
    digest = b2a_base64(hashlib.blake2b(shown, digest_size=_DIGEST_BYTES).digest(), newline=False)
    return f'W/"{revision or 0}.{digest.translate(_URL_SAFE).decode()}"'


def tagged(answer: Answer) -> Answer:
    """The answer with its ETag."""
    body = answer.body
    if answer.shown is not None:
        shown = representation(answer.shown)
    elif isinstance(body, bytes):
        shown = body
    else:
        # What is encoded already need not be once more.
        shown = representation(body)
        body = shown[:-1] + b',"meta":' + _encode(body["meta"]) + b"}" if _has_meta(body) else shown
    tag = {"ETag": entity_tag(answer.revision, shown)}
    headers = {**answer.headers, **tag} if answer.headers else tag
    return msgspec.structs.replace(answer, headers=headers, body=body)


def representation(body: Any) -> bytes:
    """What a tag is the digest of: the body, without `meta`, which is of the answer and not of the resource."""
    if isinstance(body, bytes):
        return body
    if _has_meta(body):
        body = {name: value for name, value in body.items() if name != "meta"}
    return _encode(body)


def seen_revisions(if_match: str | None) -> SeenRevisions:
    """What If-Match demands. A tag that this API never returned has no revision, and matches none. Raises Problem."""
    if if_match is None or if_match.strip() == "*":
        return ANY_REVISION
    found = (_REVISION.fullmatch(tag) for tag in _tags("If-Match", if_match))
    return SeenRevisions(frozenset(int(match[1]) for match in found if match and int(match[1])))


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether the caller has what the tag stands for (weak comparison). Raises Problem."""
    return if_none_match.strip() == "*" or tag.removeprefix("W/").strip('"') in _tags("If-None-Match", if_none_match)


def _has_meta(body: Any) -> bool:
    return isinstance(body, dict) and "meta" in body


def _tags(header: str, given: str) -> list[str]:
    """The opaque part of each tag. Raises Problem."""
    if not _TAGS.fullmatch(given):
        raise Problem("invalid-request", f'{header}: must be * or tags as in ETag, such as W/"3.kJ2b0x7sPq1Zc5dE"')
    return [match[1] if match[2] is None else match[2] for match in _EACH.finditer(given)]
