"""Callers of the internal door: which account a bearer token is of, by SHA-256 digests, in constant time.

A door holds no token of anybody, so nothing of one service can ask in another's name. While a token is replaced its
account has two.
"""

import hashlib
import hmac
from collections.abc import Iterable

_SCHEME = "Bearer "


class InternalCallers:
    def __init__(self, tokens: Iterable[tuple[str, str]]) -> None:
        """(account, SHA-256 of a token of its own in hexadecimal)."""
        self._digests = tuple((account, bytes.fromhex(digest)) for account, digest in tokens)

    def account_of(self, authorization: str | None) -> str | None:
        """The account whose token the header holds. None: there is none, or nobody has it."""
        if authorization is None or not authorization.startswith(_SCHEME):
            return None
        given = hashlib.sha256(authorization.removeprefix(_SCHEME).encode()).digest()
        found = None
        for account, digest in self._digests:  # all of them, whichever it is
            if hmac.compare_digest(given, digest):
                found = account
        return found


def digest_of_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
