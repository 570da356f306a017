"""Question of a follower at the feed's HTTP door: its place, the head that it holds, and their forms."""

import re

import falcon
import msgspec

from shared.eventsourcing.event_store import Head
from shared.replication.feed import EPOCH, FOLLOWER, HASH, HEAD_TEXT, POSITION_MAX
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead

_HELD = re.compile(r"[ -~]{1,600}", re.ASCII)


def place(req: falcon.Request) -> Head | None:
    """Where it stands; None: at the beginning."""
    epoch = named(req, "epoch", EPOCH)
    if epoch is None:
        return None
    position = req.get_param_as_int("after", required=True, min_value=0, max_value=POSITION_MAX)
    hash_ = named(req, "hash", HASH)
    if hash_ is None:
        raise falcon.HTTPMissingParam("hash")
    return Head(epoch=epoch, position=position, hash=hash_)


def held(req: falcon.Request) -> HeldHead | None:
    """What it says to hold; None: it does not say who it is."""
    follower, lost = named(req, "follower", FOLLOWER), named(req, "lost", HEAD_TEXT)
    if follower is None:
        return None
    return HeldHead(follower=follower, head=_held_head(named(req, "held", _HELD)), lost=lost)


def _held_head(text: str | None) -> SignedHead | None:
    if text is None:
        return None
    try:
        head = msgspec.json.decode(text, type=SignedHead)
    except msgspec.DecodeError:
        head = None
    if head is None or not _is_held_head(head):
        raise falcon.HTTPInvalidParam("it must be a signed head, as the feed's answers have it", "held")
    return head


def _is_held_head(head: SignedHead) -> bool:
    texts = (head.signed_at, head.signer, head.signature)
    is_place = EPOCH.fullmatch(head.epoch) and HASH.fullmatch(head.hash) and 0 <= head.position <= POSITION_MAX
    return bool(is_place) and all(HEAD_TEXT.fullmatch(text) for text in texts)


def named(req: falcon.Request, name: str, form: re.Pattern[str]) -> str | None:
    """A parameter that is given once, in its form; None where it is not there. Nothing of it is quoted."""
    given = req.params.get(name)
    if given is None or (isinstance(given, str) and form.fullmatch(given)):
        return given
    raise falcon.HTTPInvalidParam("it must be there once, in the form that followers write", name)
