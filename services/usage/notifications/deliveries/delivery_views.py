"""Read model of deliveries for their organisation, with each attempt; and redelivery and test messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from services.usage.commit_check import CommitCheck, no_check
from services.usage.no_such_item import NoSuchItem
from services.usage.notifications import tables
from services.usage.notifications.channel import Channel
from services.usage.notifications.channels.channel_store import NoSuchChannel, get_channel
from services.usage.notifications.deliveries import held_deliveries
from services.usage.notifications.deliveries.delivery_store import OutgoingMessage, enqueue_deliveries
from services.usage.notifications.delivery import Status
from services.usage.notifications.message import of_test
from shared.sql.database import Database
from shared.sql.keyset import By, read_page
from shared.values.identifiers import new_id
from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.values.timestamps import from_microseconds, to_microseconds


class NoSuchDelivery(NoSuchItem):
    """There is no such delivery in this organisation: the id is unknown, deleted or another organisation's."""


class CannotBeSent(Exception):
    """The delivery cannot be sent again now; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    number: int
    at: datetime
    duration_ms: int
    status: int | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """`webhook_id`: the id of the message, the same however often it is sent."""

    id: str
    channel_id: str
    webhook_id: str
    type: str
    key_id: str | None
    status: Status
    attempts: tuple[Attempt, ...]
    last_answer: Attempt | None
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    payload: dict[str, Any]


class DeliveryViews:
    """`check` is called last before a change is committed; what it raises takes the change back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        organisation_id: str,
        limit: int,
        after: tuple[int, str] | None = None,
        *,
        channel_id: str | None = None,
        status: Status | None = None,
    ) -> tuple[tuple[DeliveryView, ...], tuple[int, str] | None]:
        """Keyset page, newest first, and the place (created_at in µs, id) of its last delivery; None on the last."""
        table = tables.delivery
        query = select(table).where(table.c.organisation_id == organisation_id)
        if channel_id is not None:
            query = query.where(table.c.channel_id == channel_id)
        if status is not None:
            query = query.where(table.c.status == status.value)
        newest_first = (By(table.c.created_at, descending=True), By(table.c.id))
        with self._database.reading() as tx:
            shown, last = read_page(tx, query, newest_first, after, limit)
            return _views(tx, shown), last and (last.created_at, last.id)

    def get(self, organisation_id: str, delivery_id: str) -> DeliveryView:
        """Raises NoSuchDelivery."""
        with self._database.reading() as tx:
            return _views(tx, [_row(tx, organisation_id, delivery_id)])[0]

    def test(
        self, channel: Channel, now: datetime, seen: SeenRevisions = ANY_REVISION, check: CommitCheck = no_check
    ) -> str:
        """Enqueues a test message to this channel alone. Answers the id of its delivery.

        Raises NoSuchChannel, or RevisionDiffers when the channel's revision is not among those `seen`.
        """
        message = of_test(new_id("msg"), channel.id, now)
        outgoing = OutgoingMessage(
            organisation_id=channel.organisation_id,
            message_id=message.id,
            type=message.type,
            key_id=None,
            payload=message.payload,
            only_to=(channel.id,),
        )
        table = tables.delivery
        with self._database.transaction() as tx:
            seen.check(get_channel(tx, channel.organisation_id, channel.id, lock=True).revision)
            enqueue_deliveries(tx, [outgoing], now)
            made: str = tx.execute(select(table.c.id).where(table.c.message_id == message.id)).scalar_one()
            check(tx, made)
        return made

    def held(self, channel_ids: Iterable[str]) -> dict[str, int]:
        """Channel → how many deliveries are held for it; without those that have none."""
        with self._database.reading() as tx:
            return held_deliveries.held_by_channel(tx, channel_ids)

    def held_for(self, channel_id: str) -> int:
        """How many deliveries are held for one channel."""
        return self.held([channel_id]).get(channel_id, 0)

    def replay(
        self,
        organisation_id: str,
        channel_id: str,
        since: datetime | None,
        now: datetime,
        check: CommitCheck = no_check,
    ) -> int:
        """Makes due what is held for the channel, since a time. Answers how many. Raises as `send_again`."""
        with self._database.transaction() as tx:
            if get_channel(tx, organisation_id, channel_id, lock=True).disabled_at is not None:
                raise CannotBeSent("the channel is disabled: enable it first")
            replayed = held_deliveries.replay(tx, channel_id, since, now)
            check(tx, channel_id)
        return replayed

    def send_again(self, organisation_id: str, delivery_id: str, now: datetime, check: CommitCheck = no_check) -> None:
        """Makes the delivery due now, under the same message id. Raises NoSuchDelivery and CannotBeSent."""
        table = tables.delivery
        with self._database.transaction() as tx:
            row = _row(tx, organisation_id, delivery_id, lock=True)
            if row.status == Status.SENDING.value:
                raise CannotBeSent("the delivery is being sent right now: wait until it has finished")
            try:
                channel = get_channel(tx, organisation_id, row.channel_id)
            except NoSuchChannel:
                raise CannotBeSent("the channel of the delivery was deleted") from None
            if channel.disabled_at is not None:
                raise CannotBeSent("the channel of the delivery is disabled: enable it first")
            values = {"status": Status.PENDING.value, "due_at": to_microseconds(now), "finished_at": None}
            tx.execute(update(table).where(table.c.id == delivery_id).values(values))
            check(tx, delivery_id)


def _row(tx: Connection, organisation_id: str, delivery_id: str, *, lock: bool = False) -> Row[Any]:
    table = tables.delivery
    query = select(table).where(table.c.id == delivery_id, table.c.organisation_id == organisation_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NoSuchDelivery
    return row


def _views(tx: Connection, rows: Any) -> tuple[DeliveryView, ...]:
    table = tables.delivery_attempt
    ids = [row.id for row in rows]
    found: dict[str, list[Attempt]] = {}
    for row in tx.execute(select(table).where(table.c.delivery_id.in_(ids)).order_by(table.c.number)):
        attempt = Attempt(
            number=row.number,
            at=from_microseconds(row.at),
            duration_ms=row.duration_ms,
            status=row.status,
            fault=row.fault,
        )
        found.setdefault(row.delivery_id, []).append(attempt)
    return tuple(_view(row, tuple(found.get(row.id, ()))) for row in rows)


def _view(row: Row[Any], attempts: tuple[Attempt, ...]) -> DeliveryView:
    status = Status(row.status)
    return DeliveryView(
        id=row.id,
        channel_id=row.channel_id,
        webhook_id=row.message_id,
        type=row.type,
        key_id=row.key_id,
        status=status,
        attempts=attempts,
        last_answer=attempts[-1] if attempts else None,
        next_attempt_at=from_microseconds(row.due_at) if status is Status.PENDING else None,
        created_at=from_microseconds(row.created_at),
        finished_at=None if row.finished_at is None else from_microseconds(row.finished_at),
        payload=msgspec.json.decode(row.payload),
    )
