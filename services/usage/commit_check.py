"""Check before a commit: what a store calls last in its transaction, so that an exception takes the change back.

Over HTTP it asks whether the caller's key is still admitted (shared/web/still_admitted.py).
"""

from collections.abc import Callable

CommitCheck = Callable[[], None]


def no_check() -> None:
    """For changes that no caller asks for."""
