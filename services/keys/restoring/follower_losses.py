"""Losses of followers: which of them do not hold any more what they had told keys that they hold."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from services.keys.revocation.follower_places import read_follower_places
from shared.replication.proof.signed_heads import SignedHead

Held = tuple[str, SignedHead]  # a follower, and a head that it kept


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerLoss:
    """The follower's database was put back: of what it had until `until`, it knows nothing after `since`.

    Both RFC 3339. `since`: empty: it knows nothing at all, or was left out.
    """

    follower: str
    since: str
    until: str


def follower_losses(tx: Connection, held: Iterable[Held]) -> tuple[FollowerLoss, ...]:
    all_held = tuple(held)
    found = []
    for follower, place in read_follower_places(tx).items():
        lost = place.lost_by(head for name, head in all_held if name == follower)
        if lost is not None:
            found.append(FollowerLoss(follower=follower, since=lost[0], until=lost[1]))
    return tuple(found)
