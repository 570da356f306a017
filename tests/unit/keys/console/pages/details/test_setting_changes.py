"""Who set a setting last: by what differs between two events that both tell all of it."""

from datetime import timedelta
from typing import Any

from services.keys.console.pages.details.setting_changes import last_changes
from services.keys.views.history import HistoryEntry
from tests.examples import NOON

LIMITS: dict[str, int | None] = {"minute": None, "day": None}
ACCESS: dict[str, Any] = {"expires_at": None, "allow_query": True, "allowed_addresses": [], "limits": LIMITS}


def entry(revision: int, type_: str, **facts: Any) -> HistoryEntry:
    at = NOON + timedelta(minutes=revision)
    return HistoryEntry(
        revision=revision, type=type_, at=at, actor="usr_1", on_behalf_of=None, request_id=None, facts=facts
    )


CREATED = entry(1, "KeyCreated", **ACCESS)
LIMITED = entry(2, "KeyAccessChanged", **ACCESS | {"limits": {"minute": 7, "day": None}})
EXPIRING = entry(3, "KeyAccessChanged", **LIMITED.facts | {"expires_at": "2027-01-01T00:00:00Z"})


def test_of_what_an_event_repeats_only_what_differs_was_set_by_it() -> None:
    assert last_changes([CREATED]) == {}
    assert last_changes([CREATED, LIMITED, EXPIRING]) == {"limits": LIMITED, "expires_at": EXPIRING}


def test_what_was_set_twice_is_told_of_the_last() -> None:
    renamed, again = entry(4, "KeyDescribed"), entry(5, "KeyDescribed")
    suspended, rotated = entry(6, "KeySuspended"), entry(7, "KeyRotated", hint="grl_")
    changes = last_changes([CREATED, renamed, again, suspended, rotated])
    assert changes == {"words": again, "status": suspended, "secret": rotated}


def test_a_history_without_its_beginning_claims_nothing() -> None:
    assert last_changes([LIMITED]) == {}
    assert last_changes([LIMITED, EXPIRING]) == {"expires_at": EXPIRING}
