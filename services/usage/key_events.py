"""Projection of the log of keys: known keys and organisations, limits, default rules, erasure of deleted keys.

In the same transaction, channels that take lifecycle events get a delivery of each, and rules of expiry get their
warnings queued.
"""

import functools
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from services.usage import tables
from services.usage.alerting.evaluation.observation import ExpiryCleared, ExpiryWarning
from services.usage.alerting.evaluation.queue import queue_evaluation
from services.usage.alerting.rules.rule_store import make_defaults
from services.usage.known_keys.erased_keys import erased_of
from services.usage.notifications.channel import Channel
from services.usage.notifications.channels.channel_store import channels_of
from services.usage.notifications.deliveries.delivery_store import OutgoingMessage, enqueue_deliveries
from services.usage.notifications.message import of_event
from services.usage.retention import erasure
from shared.contracts.decoding import decode
from shared.contracts.envelope import CloudEvent
from shared.contracts.keys import (
    SHAPES,
    Contract,
    KeyAccessChanged,
    KeyCreated,
    KeyDeleted,
    KeyExpired,
    KeyExpiryNear,
    KeyRevoked,
    KeyRotated,
    KeysEvent,
    OrganisationRegistered,
    TierChanged,
    contract_text,
)
from shared.observability.trace_context import taken
from shared.sql.database import upsert
from shared.sql.dialect_functions import database_time
from shared.sql.in_values import inserted, insertion_of

FOLLOWER = "usage.known_keys"
# A log that is followed anew from its beginning repeats old events: nobody is notified of those again.
NOTIFIED_WITHIN = timedelta(days=3)
_OF_KEY = ("key_id", "organisation_id", "hint", "minute_limit", "day_limit")


def apply(tx: Connection, event: CloudEvent) -> None:
    """Applies one event. Safe to run twice. A deletion erases addresses and user agents; the counters stay."""
    apply_all(tx, (event,))


def apply_all(tx: Connection, events: Sequence[CloudEvent]) -> None:
    """Applies a page of events; the organisations' channels are read once for all of them.

    Keys that were created one after another are kept together: each statement costs more than a row.
    """
    told = [(event, decode(event, SHAPES)) for event in events]
    organisations = {public.organisation_id for _, public in told if public is not None}
    channels = channels_of(tx, organisations) if organisations else {}
    for is_creation, following in itertools.groupby(told, lambda each: isinstance(each[1], KeyCreated)):
        some = list(following)
        if is_creation:
            _keep_keys(tx, [(public, event.revision) for event, public in some if isinstance(public, KeyCreated)])
        for event, public in some:
            _keep_revision(tx, event)
            if public is not None:
                _take(tx, event, public, channels.get(public.organisation_id, ()))


def reset(tx: Connection) -> None:
    """Empties the projection. Rules stay: default rules are not made twice, nor again once deleted. So does which keys
    are deleted.
    """
    tx.execute(delete(tables.known_key))
    tx.execute(delete(tables.known_organisation))


def _take(tx: Connection, event: CloudEvent, public: KeysEvent, channels: Sequence[Channel]) -> None:
    hint = _hint(tx, public)
    _follow(tx, event, public)
    _queue_for_rules(tx, event, public)
    if any(channel.takes(event.type) for channel in channels):
        _notify_channels(tx, event, public, hint)


def _follow(tx: Connection, event: CloudEvent, public: KeysEvent) -> None:
    table = tables.known_key
    match public:
        case OrganisationRegistered() | TierChanged():
            contract = public.contract if isinstance(public, TierChanged) else None
            _keep_tier(tx, public.organisation_id, public.tier, contract)
            make_defaults(tx, public.organisation_id, event.time)
        case KeyAccessChanged():
            values = {"minute_limit": public.minute_limit, "day_limit": public.day_limit}
            tx.execute(update(table).where(table.c.key_id == public.key_id).values(values))
        case KeyRotated():
            tx.execute(update(table).where(table.c.key_id == public.key_id).values(hint=public.hint))
        case KeyDeleted():
            tx.execute(delete(table).where(table.c.key_id == public.key_id))
            erasure.erase(tx, public.key_id)
        case _:
            pass


def _queue_for_rules(tx: Connection, event: CloudEvent, public: KeysEvent) -> None:
    """Queues what rules of expiry look at: they may ask keys for labels, and no transaction may wait for RPC."""
    match public:
        case KeyExpiryNear():
            warning = ExpiryWarning(
                key_id=public.key_id,
                organisation_id=public.organisation_id,
                warned_at=event.time,
                expires_at=public.expires_at,
                days_left=public.days_left if public.threshold_days is None else public.threshold_days,
                reason=public.reason,
            )
            queue_evaluation(tx, warning)
        case KeyAccessChanged() | KeyRotated() | KeyExpired() | KeyRevoked() | KeyDeleted():
            queue_evaluation(tx, ExpiryCleared(key_id=public.key_id, at=event.time))
        case _:
            pass


def _notify_channels(tx: Connection, event: CloudEvent, public: KeysEvent, hint: str | None) -> None:
    now = database_time(tx)
    if now - event.time > NOTIFIED_WITHIN:
        return
    message = of_event(event, hint)
    outgoing = OutgoingMessage(
        organisation_id=public.organisation_id,
        message_id=message.id,
        type=message.type,
        key_id=None if isinstance(public, OrganisationRegistered | TierChanged) else public.key_id,
        payload=message.payload,
        traceparent=taken(event.traceparent),
    )
    enqueue_deliveries(tx, [outgoing], now, happened_at=event.time)


def _keep_keys(tx: Connection, created: Sequence[tuple[KeyCreated, int | None]]) -> None:
    """`created`: with the revision of each. A known key keeps its hint, which may be that of a later secret."""
    erased, dialect = erased_of(tx, {key.key_id for key, _ in created}), tx.dialect.name
    rows = [
        {name: getattr(key, name) for name in _OF_KEY} | {"revision": revision}
        for key, revision in created
        if key.key_id not in erased
    ]
    if rows:
        tx.execute(_keep(dialect), inserted(dialect, tables.known_key, rows))


# Cached: building such a statement takes longer than running it.
@functools.cache
def _keep(dialect: str) -> Any:
    statement = insertion_of(dialect, tables.known_key, (*_OF_KEY, "revision"))
    changing = {name: statement.excluded[name] for name in ("minute_limit", "day_limit", "revision")}
    return statement.on_conflict_do_update(index_elements=["key_id"], set_=changing)


def _keep_revision(tx: Connection, event: CloudEvent) -> None:
    """Also of events of which nothing is public, such as a new name."""
    table = tables.known_key
    if event.revision is not None and event.type != KeyCreated.__name__:
        tx.execute(update(table).where(table.c.key_id == event.subject).values(revision=event.revision))


def _keep_tier(tx: Connection, organisation_id: str, tier: str, contract: Contract | None) -> None:
    kept = {"tier": tier, "contract": contract_text(contract)}
    statement = upsert(tx, tables.known_organisation)
    statement = statement.on_conflict_do_update(index_elements=["organisation_id"], set_=kept)
    tx.execute(statement, {"organisation_id": organisation_id} | kept)


def _hint(tx: Connection, public: KeysEvent) -> str | None:
    """The key's hint as it was before the event; None for events of an organisation."""
    match public:
        case OrganisationRegistered() | TierChanged():
            return None
        case KeyCreated():
            return public.hint
        case _:
            table = tables.known_key
            return tx.execute(select(table.c.hint).where(table.c.key_id == public.key_id)).scalar_one_or_none()
