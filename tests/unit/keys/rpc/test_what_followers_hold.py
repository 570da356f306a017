"""What a follower says to hold is taken over RPC as over HTTP, also from a release without a word for what it lost."""

from typing import Any

import msgspec
import pytest

from services.keys.rpc.schemas import PullArguments
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signed_heads import SignedHead

HEAD = SignedHead(
    epoch="epoch-1", position=7, hash="a" * 64, signed_at="2026-11-28T12:00:00Z", signer="s", signature="x"
)


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ({"head": msgspec.to_builtins(HEAD)}, HeldHead(follower="auth.grants", head=HEAD)),
        ({"head": None}, HeldHead(follower="auth.grants", head=None)),
        (
            {"head": msgspec.to_builtins(HEAD), "lost": HEAD.signed_at},
            HeldHead(follower="auth.grants", head=HEAD, lost=HEAD.signed_at),
        ),
    ],
    ids=["a head", "none", "lost"],
)
def test_it_is_heard_as_it_was_said(more: dict[str, Any], held: HeldHead) -> None:
    said = {"follower": "auth.grants"} | more
    assert PullArguments().load({"held": said})["held"] == held
