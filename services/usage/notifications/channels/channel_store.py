"""Store of channels in SQL, with optimistic concurrency by revision."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from services.usage.commit_check import CommitCheck, no_check
from services.usage.no_such_item import NoSuchItem
from services.usage.notifications import tables
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.delivery import UNFINISHED, Status
from shared.sql.database import Database
from shared.sql.keyset import By, read_page
from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.values.timestamps import from_microseconds, to_microseconds

CHANNELS_MAX = 20
WhenDisabled = Callable[[Connection, Channel], None]
Namers = Callable[[Connection, str, str], tuple[str, ...]]  # organisation, channel → rules


class NoSuchChannel(NoSuchItem):
    """There is no such channel in this organisation: the id is unknown, deleted or another organisation's."""


class TooManyChannels(Exception):
    """The organisation has CHANNELS_MAX channels already."""


class ChannelInUse(Exception):
    """`rules`: ids of the alert rules that name the channel."""

    def __init__(self, rules: tuple[str, ...]) -> None:
        super().__init__(", ".join(rules))
        self.rules = rules


class ChannelStore:
    """`check` is called last before a change is committed; what it raises takes the change back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, organisation_id: str, limit: int, after: tuple[int, str] | None = None
    ) -> tuple[tuple[Channel, ...], tuple[int, str] | None]:
        """Keyset page, oldest first, and the place (created_at in µs, id) of its last channel; None on the last."""
        table = tables.channel
        query = select(table).where(table.c.organisation_id == organisation_id)
        oldest_first = (By(table.c.created_at), By(table.c.id))
        with self._database.reading() as tx:
            shown, last = read_page(tx, query, oldest_first, after, limit)
        return tuple(map(_channel, shown)), last and (last.created_at, last.id)

    def get(self, organisation_id: str, channel_id: str) -> Channel:
        """Raises NoSuchChannel."""
        with self._database.reading() as tx:
            return get_channel(tx, organisation_id, channel_id)

    def find(self, channel_id: str) -> Channel | None:
        """The channel, whatever its organisation, for the dispatcher; None: it was deleted."""
        with self._database.reading() as tx:
            row = tx.execute(select(tables.channel).where(tables.channel.c.id == channel_id)).one_or_none()
        return None if row is None else _channel(row)

    def add(self, channel: Channel, check: CommitCheck = no_check) -> None:
        """Raises TooManyChannels."""
        table = tables.channel
        own = table.c.organisation_id == channel.organisation_id
        with self._database.transaction() as tx:
            if tx.execute(select(func.count()).select_from(table).where(own)).scalar_one() >= CHANNELS_MAX:
                raise TooManyChannels
            tx.execute(insert(table), _row(channel))
            check(tx, channel.id)

    def change(
        self,
        organisation_id: str,
        channel_id: str,
        edit: Callable[[Channel], Channel],
        seen: SeenRevisions = ANY_REVISION,
        check: CommitCheck = no_check,
        when_disabled: WhenDisabled = lambda *_: None,
    ) -> Channel:
        """The channel as stored: `edit` of what it is while it is locked; one that alters nothing makes no revision.

        `when_disabled`: called in the transaction that disables it. Raises NoSuchChannel, or RevisionDiffers when its
        revision is not among those `seen`.
        """
        with self._database.transaction() as tx:
            before = get_channel(tx, organisation_id, channel_id, lock=True)
            seen.check(before.revision)
            changed = edit(before)
            if changed != before:
                changed = replace(changed, revision=before.revision + 1)
                tx.execute(update(tables.channel).where(tables.channel.c.id == channel_id).values(_row(changed)))
            if changed.disabled_at is not None and before.disabled_at is None:
                when_disabled(tx, changed)
            check(tx, channel_id)
            return changed

    def delete(
        self,
        organisation_id: str,
        channel_id: str,
        now: datetime,
        seen: SeenRevisions = ANY_REVISION,
        check: CommitCheck = no_check,
        namers: Namers = lambda *_: (),
    ) -> None:
        """Deletes the channel and fails its unfinished deliveries. `namers`: ids of the rules that name it.

        Raises NoSuchChannel, RevisionDiffers, and ChannelInUse if there is one.
        """
        with self._database.transaction() as tx:
            seen.check(get_channel(tx, organisation_id, channel_id, lock=True).revision)
            if rules := namers(tx, organisation_id, channel_id):
                raise ChannelInUse(rules)
            tx.execute(delete(tables.channel).where(tables.channel.c.id == channel_id))
            give_up(tx, channel_id, now)
            check(tx, channel_id)


def channels_of(tx: Connection, organisation_ids: Iterable[str]) -> dict[str, list[Channel]]:
    """Organisation → its channels."""
    table = tables.channel
    found: dict[str, list[Channel]] = {}
    for row in tx.execute(select(table).where(table.c.organisation_id.in_(set(organisation_ids)))):
        found.setdefault(row.organisation_id, []).append(_channel(row))
    return found


def get_channel(tx: Connection, organisation_id: str, channel_id: str, *, lock: bool = False) -> Channel:
    """Raises NoSuchChannel."""
    table = tables.channel
    query = select(table).where(table.c.id == channel_id, table.c.organisation_id == organisation_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NoSuchChannel
    return _channel(row)


def disable(tx: Connection, channel_id: str, reason: str, now: datetime) -> Channel | None:
    """Disables the channel. Answers it; None: it was disabled before, or deleted."""
    table = tables.channel
    values = {"disabled_at": to_microseconds(now), "disabled_reason": reason, "revision": table.c.revision + 1}
    is_enabled = (table.c.id == channel_id, table.c.disabled_at.is_(None))
    row = tx.execute(update(table).where(*is_enabled).values(values).returning(table)).one_or_none()
    return None if row is None else _channel(row)


def lock_channels(tx: Connection, organisation_id: str, channel_ids: Iterable[str]) -> None:
    """Keeps the channels from being deleted until the transaction ends. Raises NoSuchChannel."""
    for channel_id in sorted(channel_ids):
        get_channel(tx, organisation_id, channel_id, lock=True)


def give_up(tx: Connection, channel_id: str, now: datetime) -> None:
    """Marks the unfinished deliveries of a channel as failed."""
    table = tables.delivery
    unfinished = (table.c.channel_id == channel_id, table.c.status.in_([status.value for status in UNFINISHED]))
    values = {"status": Status.FAILED.value, "due_at": None, "finished_at": to_microseconds(now)}
    tx.execute(update(table).where(*unfinished).values(values))


def _row(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "organisation_id": channel.organisation_id,
        "kind": channel.kind.value,
        "target": channel.target,
        "name": channel.own_name,
        "events": msgspec.json.encode(channel.events).decode(),
        "sealed_secret": channel.sealed_secret,
        "sealed_previous_secret": channel.sealed_previous_secret,
        "previous_until": _microseconds(channel.previous_until),
        "disabled_at": _microseconds(channel.disabled_at),
        "disabled_reason": channel.disabled_reason,
        "revision": channel.revision,
        "created_at": to_microseconds(channel.created_at),
    }


def _channel(row: Row[Any]) -> Channel:
    return Channel(
        id=row.id,
        organisation_id=row.organisation_id,
        kind=Kind(row.kind),
        target=row.target,
        own_name=row.name,
        events=msgspec.json.decode(row.events, type=tuple[str, ...]),
        sealed_secret=row.sealed_secret,
        sealed_previous_secret=row.sealed_previous_secret,
        previous_until=_moment(row.previous_until),
        disabled_at=_moment(row.disabled_at),
        disabled_reason=row.disabled_reason,
        revision=row.revision,
        created_at=from_microseconds(row.created_at),
    )


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else to_microseconds(at)


def _moment(at: int | None) -> datetime | None:
    return None if at is None else from_microseconds(at)
