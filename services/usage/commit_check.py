"""Check before a commit: what a store calls last in its transaction, so that an exception takes the change back.

Over HTTP it asks whether the caller's key is still admitted (shared/web/still_admitted.py), and keeps what was changed
for the caller's Idempotency-Key.
"""

from collections.abc import Callable

from sqlalchemy import Connection

# Takes the transaction, and the id of what is changed in it.
CommitCheck = Callable[[Connection, str], None]


def no_check(tx: Connection, subject: str) -> None:
    """For changes that no caller asks for."""
