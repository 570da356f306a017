"""Whether a log goes on from a head that a follower holds: in it, given up by an accepted restore, or diverged."""

import pytest

from shared.eventsourcing.continuation import Continuation, judge
from shared.eventsourcing.epochs import Epoch, Epochs, LogRestored
from shared.eventsourcing.event_store import Head
from tests.examples import NOON

CONTINUED, GIVEN_UP, DIVERGED = Continuation.CONTINUED, Continuation.GIVEN_UP, Continuation.DIVERGED
RESTORED = LogRestored(
    from_epoch="a", common_position=90, position=90, hash="90", to_epoch="c", reason="a drill", restored_at=NOON
)
PLAIN = Epochs(first="a")
ACCEPTED = Epochs(first="a", later=(Epoch("c", 91),), restorations=(RESTORED,))


def continuation(epochs: Epochs, epoch: str, position: int, there: str | None, *, forged: bool = False) -> Continuation:
    held = Head(epoch=epoch, position=position, hash=str(position))
    return judge(held, epochs, there, lambda _: not forged)


@pytest.mark.parametrize(
    ("epochs", "epoch", "position", "there", "found"),
    [
        (PLAIN, "a", 80, "80", CONTINUED),
        (PLAIN, "a", 80, "another", DIVERGED),
        (PLAIN, "a", 104, None, DIVERGED),
        (PLAIN, "b", 80, "80", DIVERGED),
        (PLAIN, "z", 0, "genesis", CONTINUED),  # of an empty log nothing can have been lost
        (ACCEPTED, "a", 90, "90", CONTINUED),
        (ACCEPTED, "a", 91, "91", GIVEN_UP),  # the row is there, and of another epoch
        (ACCEPTED, "a", 104, None, GIVEN_UP),
        (ACCEPTED, "a", 80, "another", DIVERGED),  # what was common before it must be common still
        (ACCEPTED, "c", 95, "95", CONTINUED),
        (ACCEPTED, "c", 120, None, DIVERGED),
        (ACCEPTED, "b", 104, None, DIVERGED),
    ],
)
def test_a_head_is_continued_given_up_or_shows_a_divergence(
    epochs: Epochs, epoch: str, position: int, there: str | None, found: Continuation
) -> None:
    assert continuation(epochs, epoch, position, there) is found


def test_a_restore_that_keys_did_not_sign_excuses_nothing() -> None:
    assert continuation(ACCEPTED, "a", 104, None, forged=True) is DIVERGED


def test_a_log_put_back_to_before_an_accepted_restore_gives_up_both_epochs_that_it_lost() -> None:
    """Its rows 1 to 90 were of a, followers had seen b from 101: neither is an excuse for the other's place alone."""
    from_b = LogRestored(
        from_epoch="b", common_position=90, position=90, hash="90", to_epoch="d", reason="", restored_at=NOON
    )
    epochs = Epochs(first="a", later=(Epoch("d", 91),), restorations=(from_b,))
    assert continuation(epochs, "b", 130, None) is GIVEN_UP
    assert continuation(epochs, "a", 100, None) is GIVEN_UP


def test_of_a_log_that_grew_before_it_was_noticed_what_is_not_common_is_given_up() -> None:
    grown = LogRestored(
        from_epoch="a", common_position=90, position=120, hash="120", to_epoch="c", reason="", restored_at=NOON
    )
    epochs = Epochs(first="a", later=(Epoch("c", 121),), restorations=(grown,))
    assert continuation(epochs, "a", 104, "another row") is GIVEN_UP
    assert continuation(epochs, "a", 104, "104") is CONTINUED
    assert continuation(epochs, "a", 85, "another row") is DIVERGED


def test_each_row_is_of_the_epoch_that_it_was_written_in() -> None:
    assert [ACCEPTED.at(position) for position in (0, 1, 90, 91, 500)] == ["a", "a", "a", "c", "c"]
    assert (PLAIN.present, ACCEPTED.present) == ("a", "c")
    assert (ACCEPTED.up_to("a"), ACCEPTED.up_to("c")) == (PLAIN, ACCEPTED)
