"""Form of a key: what a person typed, as texts, and what the API's own schemas make of it.

Rules stand where the API has them (services/keys/http); here is only how a form says the same, which field a fault is
in, and how the edits of two people are put together.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.console.rendering.form import Form
from services.keys.http.command_mapping import key_edit, key_request
from services.keys.http.schemas.request_bodies import CreateKeySchema, EditKeySchema, KeyBody
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from shared.observability.redaction import redact
from shared.values.permissions import PERMISSIONS
from shared.web.problems.catalogue import Problem

KEEP, ON_DATE, NEVER = "keep", "date", "never"
_SEPARATED = re.compile(r"[\s,;]+")
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
# Member of the API → field of the form, where they differ.
_FIELDS = {"expires_at": "expiry", "expires_in": "expiry", "allowed_addresses": "addresses"}
_NAMED = re.compile(r"/?([a-z_]+)(?:/([a-z_]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The fields as they were typed. `labels`: `name:value` a line; `addresses`: separated by space or comma.

    `networks`: ids; none: all.
    `expiry`: a number of days, ON_DATE (`expires_on`), NEVER (`never_reason`) or, where there is one, KEEP.
    """

    name: str = ""
    description: str = ""
    permissions: tuple[str, ...] = ()
    labels: str = ""
    expiry: str = "90"
    expires_on: str = ""
    never_reason: str = ""
    addresses: str = ""
    allow_query: bool = False
    minute: str = ""
    day: str = ""
    networks: tuple[str, ...] = ()

    def with_(self, **different: Any) -> "Typed":
        return replace(self, **different)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Two people's edits together. `changed`: the fields that the first changed; `contested`: those that both did."""

    typed: Typed
    changed: tuple[str, ...]
    contested: tuple[str, ...]


class KeyFaulty(Exception):
    """The form cannot be taken. `fields`: those that are at fault."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = frozenset(fields)
        super().__init__(", ".join(sorted(self.fields)))


def typed_in(form: Form) -> Typed:
    texts = {each.name: form.text(each.name) for each in dataclasses.fields(Typed) if each.type is str}
    networks = tuple(sorted(set(form.all("networks"))))
    return Typed(**texts, permissions=form.all("permissions"), allow_query="allow_query" in form, networks=networks)


def typed_of(view: KeyView) -> Typed:
    """A key's form before anything is typed."""
    return Typed(
        name=view.name,
        description=view.description,
        permissions=tuple(name for name in PERMISSIONS if name in view.permissions),
        labels="\n".join(f"{name}:{value}" for name, value in view.labels.items()),
        expiry=KEEP,
        addresses="\n".join(view.allowed_addresses),
        allow_query=view.allow_query,
        minute="" if view.minute_limit is None else str(view.minute_limit),
        day="" if view.day_limit is None else str(view.day_limit),
        networks=view.networks or (),
    )


def redacted(typed: Typed) -> Typed:
    """To be shown again: a key that somebody pasted is in no answer."""
    texts = {each.name: redact(getattr(typed, each.name)) for each in dataclasses.fields(Typed) if each.type is str}
    return typed.with_(**texts, networks=tuple(map(redact, typed.networks)))


def wanted_key(typed: Typed, now: datetime, tier: Limits | None) -> KeyRequest:
    """Raises KeyFaulty."""
    document, faults = _document(typed)
    if typed.expiry == NEVER:
        if typed.never_reason.strip():
            document["description"] = f"{typed.description}\n\n{typed.never_reason.strip()}".strip()
        else:
            faults.add("never_reason")
    body = _loaded(CreateKeySchema(), document, faults)
    try:
        return key_request(body, now, tier)
    except Problem as problem:
        raise KeyFaulty(_fields_of(problem)) from None


def changes(before: KeyView, typed: Typed, *, regenerate: bool = False) -> KeyBody:
    """The merge patch from the key as it was seen to what was typed. Raises KeyFaulty."""
    document, faults = _document(typed)
    labels = document.get("labels", {})
    if labels == before.labels:
        document.pop("labels", None)
    else:
        document["labels"] = dict.fromkeys(before.labels) | labels
    kept = typed_of(before)
    for name in ("name", "description", "allow_query"):
        if getattr(typed, name) == getattr(kept, name):
            document.pop(name, None)
    if set(typed.permissions) == set(kept.permissions):
        document.pop("permissions", None)
    if typed.addresses.split() == kept.addresses.split():
        document.pop("allowed_addresses", None)
    if typed.networks == kept.networks:
        document.pop("networks")
    limits = {name: document["limits"].get(name) for name in ("minute", "day") if _differs(typed, kept, name)}
    if limits:
        document["limits"] = limits
    else:
        document.pop("limits")
    return _loaded(EditKeySchema(), document | ({"regenerate": True} if regenerate else {}), faults)


def wanted_edit(body: KeyBody, now: datetime, tier: Limits | None) -> KeyEdit:
    """What it becomes where the key is known may still raise Problem: see `fields_of`."""
    return key_edit(body, now, tier)


def fields_of(problem: Problem) -> KeyFaulty:
    """The fields that a problem `invalid-body` is about. Raises it if it is another."""
    return KeyFaulty(_fields_of(problem))


def merged(base: Typed, theirs: Typed, mine: Typed) -> Merged:
    """What both changed stays as I typed it, for me to decide; what they alone changed is taken over."""
    names = [each.name for each in dataclasses.fields(Typed)]
    changed = tuple(name for name in names if _differs(base, theirs, name))
    contested = tuple(name for name in changed if _differs(base, mine, name) and _differs(theirs, mine, name))
    taken = {name: getattr(theirs, name) for name in changed if not _differs(base, mine, name)}
    return Merged(typed=replace(mine, **taken), changed=changed, contested=contested)


def _differs(one: Typed, other: Typed, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def _document(typed: Typed) -> tuple[dict[str, Any], set[str]]:
    """(as the API's body says it, fields that cannot be said so)."""
    faults: set[str] = set()
    document: dict[str, Any] = {
        "name": typed.name,
        "description": typed.description,
        "permissions": list(typed.permissions),
        "allow_query": typed.allow_query,
        "allowed_addresses": [each for each in _SEPARATED.split(typed.addresses) if each],
        "networks": list(typed.networks) or None,
        "limits": {},
    }
    labels = _labels(typed.labels)
    if labels is None:
        faults.add("labels")
    else:
        document["labels"] = labels
    for name in ("minute", "day"):
        if text := getattr(typed, name).strip():
            if _WHOLE.fullmatch(text):
                document["limits"][name] = int(text)
            else:
                faults.add(name)
    if _WHOLE.fullmatch(typed.expiry):
        document["expires_in"] = int(typed.expiry) * 86_400
    elif typed.expiry == NEVER:
        document["expires_at"] = None
    elif typed.expiry == ON_DATE and (moment := _end_of(typed.expires_on)) is not None:
        document["expires_at"] = moment
    elif typed.expiry != KEEP:
        faults.add("expiry")
    return document, faults


def _labels(text: str) -> dict[str, str] | None:
    lines = [line.partition(":") for line in text.split("\n") if line.strip()]
    labels = {name.strip(): value.strip() for name, _, value in lines}
    return labels if all(colon for _, colon, _ in lines) and len(labels) == len(lines) else None


def _end_of(day: str) -> str | None:
    try:
        end = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1, seconds=-1)
    except (ValueError, OverflowError):
        return None
    return end.isoformat()


def _loaded(schema: CreateKeySchema | EditKeySchema, document: dict[str, Any], faults: set[str]) -> KeyBody:
    try:
        body: KeyBody = schema.load(document)
    except ValidationError as error:
        messages = error.messages_dict.copy()
        limits = messages.pop("limits", {})
        named = {_FIELDS.get(name, name) for name in messages} | (set(limits) & {"minute", "day"})
        raise KeyFaulty(faults | named) from None
    if faults:
        raise KeyFaulty(faults)
    return body


def _fields_of(problem: Problem) -> Iterable[str]:
    errors = problem.members.get("errors")
    if not isinstance(errors, Mapping) or not errors:
        raise problem
    for pointer in errors:
        found = _NAMED.match(str(pointer))
        member, part = (found[1], found[2]) if found else ("name", None)
        yield str(part) if member == "limits" and part else _FIELDS.get(member, member)
