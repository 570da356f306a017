"""Reserve: a few requests a minute beyond a key's own limits, for what its owner must be able to do always."""

from typing import Final

from shared.gate.grants.grant import Limits
from shared.values.frozen_struct import FrozenStruct


class Reserve(FrozenStruct, frozen=True, gc=False):
    """`name`: of its policy, in headers; of its counter, beside the key's own."""

    name: str
    limits: Limits


# For what takes power away: else a thief of a key could keep its owner from revoking it, by using it.
URGENT: Final = Reserve("urgent", Limits(minute=30, day=None))
# For finding out which key that is.
LISTING: Final = Reserve("listing", Limits(minute=10, day=None))
RESERVE_NAMES: Final = frozenset((URGENT.name, LISTING.name))
