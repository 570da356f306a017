"""Signed answers to pulls: the signature covers the page's bytes as sent, and the question with its nonce.

So a recorded answer, or one to another question, proves nothing, and renews no lease.
"""

import re
import secrets
from dataclasses import dataclass

import msgspec

from shared.eventsourcing.event_store import Head
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.proof import unproved
from shared.replication.proof.signatures import Signer, Verifier

SIGNATURE_HEADER = "X-Grillo-Signature"
NONCE = re.compile(r"[0-9A-Za-z_-]{16,64}", re.ASCII)
_PURPOSE = b"grillo feed page 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a follower asks: the events after a place; `gate`: in whose name that place is acknowledged."""

    nonce: str
    after: Head | None
    gate: str | None

    def with_page(self, page: bytes) -> bytes:
        """What is signed. JSON has no line break of its own, so question and page cannot be confused."""
        return msgspec.json.encode(self) + b"\n" + page


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPage:
    """An answer over RPC: `page` is JSON text. `signature`: None where keys has no signing key."""

    page: str
    signature: str | None


def question(nonce: str, after: Head | None, acknowledgement: Acknowledgement | None) -> Question:
    return Question(nonce=nonce, after=after, gate=None if acknowledgement is None else acknowledgement.gate)


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def sign_page(signer: Signer, asked: Question, page: bytes) -> str:
    return signer.sign(_PURPOSE, asked.with_page(page))


def signed_page(signer: Signer | None, asked: Question, page: FeedPage) -> SignedPage:
    encoded = msgspec.json.encode(page)
    signature = None if signer is None else sign_page(signer, asked, encoded)
    return SignedPage(page=encoded.decode(), signature=signature)


def require_proof(verifier: Verifier, asked: Question, page: bytes, signature: str | None) -> None:
    """Raises FeedUnavailable, and counts it, unless the page is proved to be the answer to this very question."""
    if signature is None or not verifier.verifies(_PURPOSE, asked.with_page(page), signature):
        unproved.count("pull")
        raise FeedUnavailable("the feed's answer is not proved by a key in KEYS_VERIFY_KEYS")
