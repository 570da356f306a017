"""Filter of the list of keys, and the SQL conditions that it makes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, and_, func, or_, select

from services.keys import tables
from services.keys.lifecycle.key import Status
from services.keys.views.active_keys import has_status
from shared.values.names import composed, folded
from shared.values.timestamps import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter:
    """Keys that meet all conditions. `labels`: (name, value). `text`: in name, description or hint, or the whole id.

    `permission`: they have it. `is_never_used`, and `unused_since`: they can be used, and are older than that, but were
    not used since. `expires_before`: they can be used, and end by themselves before. `is_in_grace`: an older secret
    still works. `network_id`: they are bound to networks, of which it is one. `is_sent_in_query`: they can be used, and
    their secret came in a URL. `created_by`: the id of who made them. `left_since`: people made them who were refused
    when they last signed in, or have not signed in since then.
    """

    statuses: tuple[Status, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    text: str = ""
    created_before: datetime | None = None
    ids: tuple[str, ...] | None = None
    permission: str | None = None
    is_never_used: bool = False
    unused_since: datetime | None = None
    expires_before: datetime | None = None
    is_in_grace: bool = False
    network_id: str | None = None
    is_sent_in_query: bool = False
    created_by: str | None = None
    left_since: datetime | None = None


def conditions(wanted: KeyFilter, now: datetime) -> list[ColumnElement[bool]]:
    """Of table api_key."""
    table = tables.api_key.c
    found: list[ColumnElement[bool]] = []
    if wanted.statuses:
        has = has_status(rfc3339(now))
        found.append(or_(*(has[status] for status in wanted.statuses)))
    found += [_is_labelled(name, value) for name, value in wanted.labels]
    if wanted.text:
        in_text = table.search_text.contains(folded(wanted.text), autoescape=True)
        found.append(or_(in_text, table.hint.contains(wanted.text, autoescape=True), table.id == wanted.text))
    if wanted.created_before is not None:
        found.append(table.created_at < rfc3339(wanted.created_before))
    if wanted.ids is not None:
        found.append(table.id.in_(wanted.ids))
    if wanted.permission is not None:
        found.append(table.permissions.contains(f'"{wanted.permission}"', autoescape=True))
    if wanted.is_never_used:
        found.append(table.last_used_at.is_(None))
    if wanted.unused_since is not None:
        since = rfc3339(wanted.unused_since)
        is_unused = func.coalesce(table.last_used_at, table.created_at) <= since
        found += [_is_active(now), is_unused, table.created_at <= since]
    if wanted.expires_before is not None:
        found += [_is_active(now), table.expires_at <= rfc3339(wanted.expires_before)]
    if wanted.is_in_grace:
        found += [_is_active(now), table.grace_until > rfc3339(now)]
    if wanted.network_id is not None:
        found.append(table.networks.contains(f'"{wanted.network_id}"', autoescape=True))
    if wanted.is_sent_in_query:
        found += [_is_active(now), table.sent_in_query_at.is_not(None)]
    if wanted.created_by is not None:
        found.append(table.created_by == wanted.created_by)
    if wanted.left_since is not None:
        found.append(_is_made_by_who_left(rfc3339(wanted.left_since)))
    return found


def _is_active(now: datetime) -> ColumnElement[bool]:
    return has_status(rfc3339(now))[Status.ACTIVE]


def _is_labelled(name: str, value: str) -> Exists:
    label = tables.key_label.c
    is_this = label.key_id == tables.api_key.c.id, label.name == name, label.value.in_({value, composed(value)})
    return select(label.key_id).where(*is_this).exists()


def _is_made_by_who_left(since: str) -> Exists:
    person = tables.console_person.c
    last_in = func.coalesce(person.signed_in_at, person.created_at)
    is_refused = and_(person.refused_at.is_not(None), person.refused_at >= last_in)
    is_maker = person.id == tables.api_key.c.created_by, or_(is_refused, last_in < since)
    return select(person.id).where(*is_maker).exists()
