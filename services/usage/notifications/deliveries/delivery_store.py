"""Queue of deliveries in SQL: enqueued with what caused them, claimed under a lease, closed with the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, ScalarSelect, bindparam, delete, exists, func, select, update

from services.usage.notifications import tables
from services.usage.notifications.channel import Channel
from services.usage.notifications.channels.channel_store import channels_of, disable
from services.usage.notifications.deliveries.held_deliveries import hold, keep_within_bound
from services.usage.notifications.deliveries.places import AT_ONCE_OF_CHANNEL, Places, Waiting
from services.usage.notifications.delivery import SENDING_SECONDS_MAX, WAIT_MAX, Next, Outcome, Status
from services.usage.notifications.message import of_disabled
from shared.sql.clocks.due import beyond, is_beyond
from shared.sql.database import Database, upsert
from shared.values.identifiers import new_id
from shared.values.timestamps import to_microseconds

KEPT = timedelta(days=30)
GONE_REASON = "the receiver answered 410 Gone"
_FORGET_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message for channels. `only_to`: ids of channels; empty: all that take its type. `traceparent`: its cause's."""

    organisation_id: str
    message_id: str
    type: str
    key_id: str | None
    payload: str
    only_to: tuple[str, ...] = ()
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A delivery that this process may send until its lease ends. `attempt`: 1 for the first."""

    id: str
    channel_id: str
    organisation_id: str
    message_id: str
    type: str
    payload: str
    attempt: int
    traceparent: str | None = None


def enqueue_deliveries(
    tx: Connection, messages: Sequence[OutgoingMessage], now: datetime, *, happened_at: datetime | None = None
) -> int:
    """Enqueues each message for every channel that takes it and does not have it yet. Answers how many.

    For a channel that is disabled it is held.

    `happened_at`: channels created after that time do not get the messages.
    """
    channels = channels_of(tx, {message.organisation_id for message in messages})
    rows = [
        _row(message, channel, now)
        for message in messages
        for channel in channels.get(message.organisation_id, ())
        if channel.takes(message.type) and (not message.only_to or channel.id in message.only_to)
        if happened_at is None or channel.created_at <= happened_at
    ]
    if rows:
        tx.execute(upsert(tx, tables.delivery).on_conflict_do_nothing(), rows)
    for channel_id in {row["channel_id"] for row in rows if row["status"] == Status.HELD.value}:
        keep_within_bound(tx, str(channel_id), now)
    return len(rows)


def when_disabled(tx: Connection, channel: Channel, now: datetime) -> None:
    """Holds what waits for a channel that was just disabled, and tells the organisation's other channels.

    Those that are disabled themselves get it held: a channel is told of at most once each time it is enabled, so that
    two whose receivers are gone raise no loop.
    """
    hold(tx, channel.id, now)
    others = [
        one for one in channels_of(tx, [channel.organisation_id])[channel.organisation_id] if one.id != channel.id
    ]
    if not others:
        return
    message = of_disabled(channel, now)
    outgoing = OutgoingMessage(
        organisation_id=channel.organisation_id,
        message_id=message.id,
        type=message.type,
        key_id=None,
        payload=message.payload,
        only_to=tuple(one.id for one in others),
    )
    enqueue_deliveries(tx, [outgoing], now)


# Whether anything is due, and whether a clock that was ahead has put anything off. Each reads one range; in one
# statement that is made once, for most times, each second, there is nothing.
_LOOK = select(
    exists().where(tables.delivery.c.due_at <= bindparam("now")),
    exists().where(tables.delivery.c.due_at > bindparam("beyond")),
)


class DeliveryStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, places: Places, now: datetime, channel_id: str | None = None) -> tuple[ClaimedDelivery, ...]:
        """Claims what is due and has a place. `channel_id`: of that channel alone.

        Asks for the oldest of every channel and reads no further, so that thousands that wait for some cost the others
        nothing.
        """
        moments = {"now": to_microseconds(now), "beyond": to_microseconds(beyond(now, WAIT_MAX))}
        with self._database.reading(once=True) as tx:
            are_due, are_put_off = tx.execute(_LOOK, moments).one()
        if are_put_off:
            self._bring_back(now)
        elif not are_due:
            return ()
        with self._database.reading() as tx:
            chosen = places.choose(_waiting(tx, now, channel_id))
        return self._claim(chosen, now) if chosen else ()

    def close(self, claimed: ClaimedDelivery, outcome: Outcome, then: Next, began: datetime, now: datetime) -> None:
        """Records the outcome of an attempt, and what follows from it."""
        table, attempt = tables.delivery, tables.delivery_attempt
        finished = then.status in (Status.DELIVERED, Status.FAILED)
        row = {
            "delivery_id": claimed.id,
            "number": claimed.attempt,
            "at": to_microseconds(began),
            "duration_ms": max(0, round((now - began) / timedelta(milliseconds=1))),
            "status": outcome.status,
            "fault": outcome.fault,
        }
        with self._database.transaction() as tx:
            # If the lease ended and another process sent it meanwhile, what that one wrote stands.
            tx.execute(upsert(tx, attempt).on_conflict_do_nothing(), row)
            is_ours = (
                table.c.id == claimed.id,
                table.c.attempts == claimed.attempt,
                table.c.status == Status.SENDING.value,  # else its channel was deleted, and it is given up
            )
            tx.execute(
                update(table)
                .where(*is_ours)
                .values(
                    status=then.status.value,
                    due_at=None if then.due_at is None else to_microseconds(then.due_at),
                    finished_at=to_microseconds(now) if finished else None,
                )
            )
            if then.disables and (channel := disable(tx, claimed.channel_id, GONE_REASON, now)) is not None:
                when_disabled(tx, channel, now)

    def forget_old(self, now: datetime) -> None:
        """Deletes a page of deliveries that were finished, or held, more than KEPT ago, with their attempts.

        Gives up those that were enqueued while their channel was being deleted.
        """
        table, attempt = tables.delivery, tables.delivery_attempt
        is_orphan = (table.c.due_at <= to_microseconds(now), table.c.channel_id.not_in(select(tables.channel.c.id)))
        given_up = {"status": Status.FAILED.value, "due_at": None, "finished_at": to_microseconds(now)}
        since = func.coalesce(table.c.finished_at, table.c.created_at)
        old = select(table.c.id).where(table.c.due_at.is_(None), since < to_microseconds(now - KEPT))
        with self._database.transaction() as tx:
            tx.execute(update(table).where(*is_orphan).values(given_up))
            ids = list(tx.execute(old.limit(_FORGET_PAGE)).scalars())
            if ids:
                tx.execute(delete(attempt).where(attempt.c.delivery_id.in_(ids)))
                tx.execute(delete(table).where(table.c.id.in_(ids)))

    def _bring_back(self, now: datetime) -> None:
        """What a clock that was ahead has put off is due now."""
        table = tables.delivery
        is_put_off = is_beyond(table.c.due_at, now, WAIT_MAX)
        with self._database.transaction() as tx:
            tx.execute(update(table).where(is_put_off).values(due_at=to_microseconds(now)))

    def _claim(self, ids: Sequence[str], now: datetime) -> tuple[ClaimedDelivery, ...]:
        """Claims those that no other process has claimed meanwhile."""
        table = tables.delivery
        until = now + timedelta(seconds=SENDING_SECONDS_MAX)
        still_due = (table.c.id.in_(ids), table.c.due_at <= to_microseconds(now))
        statement = (
            update(table)
            .where(*still_due)
            .values(status=Status.SENDING.value, due_at=to_microseconds(until), attempts=table.c.attempts + 1)
        )
        with self._database.transaction() as tx:
            rows = tx.execute(statement.returning(table)).all()
        return tuple(
            ClaimedDelivery(
                id=row.id,
                channel_id=row.channel_id,
                organisation_id=row.organisation_id,
                message_id=row.message_id,
                type=row.type,
                payload=row.payload,
                attempt=row.attempts,
                traceparent=row.traceparent,
            )
            for row in rows
        )


def _waiting(tx: Connection, now: datetime, channel_id: str | None) -> list[Waiting]:
    channel = tables.channel
    oldest = [_oldest(place, now) for place in range(AT_ONCE_OF_CHANNEL)]
    query = select(channel.c.id, channel.c.organisation_id, *oldest)
    rows = tx.execute(query if channel_id is None else query.where(channel.c.id == channel_id))
    return [
        Waiting(channel_id=id_, organisation_id=organisation_id, ids=tuple(one for one in ids if one is not None))
        for id_, organisation_id, *ids in rows
    ]


def _oldest(place: int, now: datetime) -> ScalarSelect[str]:
    """The id of the channel's oldest due delivery (`place` 0), or of the one after it."""
    table = tables.delivery
    due = (table.c.channel_id == tables.channel.c.id, table.c.due_at <= to_microseconds(now))
    return select(table.c.id).where(*due).order_by(table.c.due_at, table.c.id).offset(place).limit(1).scalar_subquery()


def _row(message: OutgoingMessage, channel: Channel, now: datetime) -> dict[str, object]:
    is_held = channel.disabled_at is not None
    return {
        "id": new_id("dlv"),
        "organisation_id": message.organisation_id,
        "channel_id": channel.id,
        "message_id": message.message_id,
        "type": message.type,
        "key_id": message.key_id,
        "payload": message.payload,
        "traceparent": message.traceparent,
        "status": (Status.HELD if is_held else Status.PENDING).value,
        "attempts": 0,
        "due_at": None if is_held else to_microseconds(now),
        "created_at": to_microseconds(now),
        "finished_at": None,
    }
