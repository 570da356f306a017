"""What was lost when a log was put back, as far as the heads tell that its followers kept."""

from services.keys.restoring.losses import SeenHead, losses
from shared.eventsourcing.continuation import Continuation
from shared.eventsourcing.event_store import Head
from shared.replication.proof.signed_heads import SignedHead

CONTINUED, GIVEN_UP, DIVERGED = Continuation.CONTINUED, Continuation.GIVEN_UP, Continuation.DIVERGED


def head(position: int) -> Head:
    return Head(epoch="a", position=position, hash=str(position))


def seen(position: int, continuation: Continuation, follower: str = "auth.grants") -> SeenHead:
    signed = SignedHead(
        epoch="a", position=position, hash=str(position), signed_at=f"2026-11-28T12:{position:03}", signer="s"
    )
    return SeenHead(follower=follower, head=signed, continuation=continuation)


def test_nothing_is_lost_where_all_is_continued_or_given_up_before() -> None:
    assert losses(head(90), []) is None
    assert losses(head(90), [seen(80, CONTINUED), seen(104, GIVEN_UP)]) is None


def test_of_a_shorter_log_all_beyond_its_end_is_lost() -> None:
    lost = losses(head(90), [seen(104, DIVERGED), seen(80, CONTINUED), seen(99, DIVERGED, "usage.known_keys")])
    assert lost is not None
    assert (lost.common_position, lost.positions) == (90, 14)
    assert [each.head.position for each in lost.heads] == [99, 104]
    assert lost.newest.position == 104


def test_of_a_log_that_has_grown_since_the_last_head_that_it_still_has_is_common() -> None:
    lost = losses(head(120), [seen(80, CONTINUED), seen(60, CONTINUED), seen(104, DIVERGED), seen(110, CONTINUED)])
    assert lost is not None
    assert (lost.common_position, lost.positions) == (80, 24)
    rewritten = losses(head(120), [seen(104, DIVERGED)])
    assert rewritten is not None
    assert rewritten.common_position == 0
