"""Rebuild of the read models from the log: folded in memory, written at once, in one transaction.

What no event tells is kept: each key's last use, the data keys, digests of secrets that a restore lost. Commands wait
meanwhile; gates do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Connection, delete, insert, select

from services.keys import tables
from services.keys.encryption.description import Description, unseal
from services.keys.events import KeyEvent, OrganisationEvent, types
from services.keys.lifecycle.key import Key, evolve
from services.keys.lifecycle.makings import Making
from services.keys.lifecycle.makings import folded as folded_making
from services.keys.views.last_use import MARK
from services.keys.views.makings import MAKING, as_row, making_of
from services.keys.views.projection import actor_of, project_organisation, whole_row
from shared.eventsourcing.event_store import StoredEvent
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.sql.database import Database

_PAGE_ROWS = 5_000
_READ_MODELS = (tables.organisation, tables.api_key, tables.key_label, tables.deleted_key, tables.making)
_LAST_USE = ("last_used_at", "last_used_address", "last_used_route", "previous_used_at", "sent_in_query_at")
_USES = select(tables.api_key.c.id, *(tables.api_key.c[name] for name in _LAST_USE))


@dataclass(slots=True)
class _Folded:
    key: Key | None
    created_by: str


def rebuild(database: Database, store: SqlEventStore) -> int:
    """Returns how many events the log holds."""
    with database.transaction(unlimited=True) as tx:
        tx.execute(select(tables.log_head).with_for_update())  # from here on nobody appends
        uses = {row[0]: dict(zip(_LAST_USE, row[1:], strict=True)) for row in tx.execute(_USES).all()}
        tx.execute(MARK)
        for table in _READ_MODELS:
            tx.execute(delete(table))
        tx.execute(delete(tables.known_digest_place))  # the next import reads the log again
        folded: dict[str, _Folded] = {}
        known: dict[tuple[str, str, bool], Making] = {}
        count = 0
        for row in _rows(tx, store):
            count += 1
            event = types.decode(row.type, row.schema_version, row.data)
            if isinstance(event, OrganisationEvent):
                project_organisation(tx, row, event)
            elif isinstance(event, KeyEvent):
                folded_key = folded.get(row.stream)
                if folded_key is None:
                    folded_key = folded[row.stream] = _Folded(None, actor_of(row))
                folded_key.key = evolve(folded_key.key, event)
                if row.type in MAKING and (making := making_of(row, actor_of(row))):
                    known[making.identity] = folded_making(known.get(making.identity), making)
        _write(tx, folded, uses)
        if known:
            tx.execute(insert(tables.making), list(map(as_row, known.values())))
    return count


def _write(tx: Connection, folded: dict[str, _Folded], uses: dict[str, dict[str, str]]) -> None:
    keys, labels, deleted = [], [], []
    unused = dict.fromkeys(_LAST_USE)
    data_keys = _pairs(tx, tables.data_key.c.key_id, tables.data_key.c.value)
    for key_id, found in folded.items():
        if found.key is None:
            continue
        if found.key.deleted_at is not None:
            identity = {"organisation_id": found.key.organisation_id, "hint": found.key.hint}
            deleted.append({"id": key_id} | identity)
            continue
        data_key = data_keys.get(key_id)
        description = _description(found.key, data_key)
        keys.append(whole_row(found.key, description, found.created_by, data_key) | uses.get(key_id, unused))
        labels += [{"key_id": key_id, "name": name, "value": value} for name, value in description.labels.items()]
    if keys:
        tx.execute(insert(tables.api_key), keys)
    if labels:
        tx.execute(insert(tables.key_label), labels)
    if deleted:
        tx.execute(insert(tables.deleted_key), deleted)


def _description(key: Key, data_key: str | None) -> Description:
    """A data key that was lost without a deletion costs the description, not the key."""
    return Description(name="") if data_key is None else unseal(key.words, data_key)


def _pairs(tx: Connection, key: Column[str], value: Column[str]) -> dict[str, str]:
    return {row[0]: row[1] for row in tx.execute(select(key, value)).all()}


def _rows(tx: Connection, store: SqlEventStore) -> Iterator[StoredEvent]:
    position = 0
    while page := store.after(tx, position, _PAGE_ROWS):
        yield from page
        position = page[-1].position
