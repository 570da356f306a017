"""Recent messages: digests of the newest that say nothing of their time, to know one that is delivered again.

Such a message has the time of its receipt. If its worker ends once it is durable and before it is acknowledged, it
comes again, at another time, and its samples would be new ones.
"""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select

from services.sensors.arrival.tables import recent_message

KEPT_MAX = 600
"""Of one sensor: as many as a worker may hold without having acknowledged them."""


def digest(content: bytes) -> bytes:
    return sha256(content).digest()[:16]


def known(tx: Connection, sensor_id: str) -> set[bytes]:
    """Of the newest."""
    table = recent_message
    return set(tx.execute(select(table.c.digest).where(table.c.sensor_id == sensor_id)).scalars())


def note(tx: Connection, sensor_id: str, digests: Sequence[bytes]) -> None:
    """In the transaction that stores their samples; the sensor is locked."""
    table = recent_message
    if not digests:
        return
    tx.execute(insert(table), [{"sensor_id": sensor_id, "digest": one} for one in digests])
    newest = select(table.c.id).where(table.c.sensor_id == sensor_id).order_by(table.c.id.desc())
    older = newest.offset(KEPT_MAX).limit(1).scalar_subquery()
    tx.execute(delete(table).where(table.c.sensor_id == sensor_id, table.c.id <= older))
