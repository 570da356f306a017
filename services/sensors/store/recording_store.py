"""Store of recordings in SQL: miniSEED blocks by sensor, channel and time. No sample is stored twice."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from services.sensors import tables
from services.sensors.store.waveform import Block, Segment, blocks, uncovered
from shared.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Numbers of samples: stored now, and known before."""

    new: int
    known: int


class RecordingStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, sensor_id: str, network: str, station: str, segments: Iterable[Segment]) -> Stored:
        """Stores the samples that no block covers yet, in one transaction.

        It locks the sensor's row, so that two imports cannot store the same sample twice.
        """
        new = offered = 0
        with self._database.transaction() as tx:
            _lock(tx, sensor_id)
            for segment in segments:
                offered += segment.samples.size
                for missing in uncovered(segment, _covered(tx, sensor_id, segment)):
                    new += missing.samples.size
                    _insert(tx, sensor_id, blocks(missing, network, station))
                    _note_channel(tx, sensor_id, missing)
        return Stored(new=new, known=offered - new)

    def between(self, sensor_id: str, start_ns: int, end_ns: int, channel: str | None) -> list[Block]:
        """The blocks with samples in [start_ns, end_ns), by channel and time."""
        table = tables.block
        query = select(table).where(
            table.c.sensor_id == sensor_id, table.c.end_ns >= start_ns, table.c.start_ns < end_ns
        )
        if channel is not None:
            query = query.where(table.c.channel == channel)
        with self._database.reading() as tx:
            rows = tx.execute(query.order_by(table.c.channel, table.c.location_code, table.c.start_ns)).all()
        return [
            Block(
                channel=row.channel,
                location_code=row.location_code,
                start_ns=row.start_ns,
                end_ns=row.end_ns,
                sample_rate_hz=row.sample_rate_hz,
                sample_count=row.sample_count,
                miniseed=row.miniseed,
            )
            for row in rows
        ]


def _lock(tx: Connection, sensor_id: str) -> None:
    tx.execute(select(tables.sensor.c.id).where(tables.sensor.c.id == sensor_id).with_for_update())


def _covered(tx: Connection, sensor_id: str, segment: Segment) -> list[tuple[int, int, float]]:
    table = tables.block
    # One sample interval of slack: a neighbour that ends just before still counts as continued.
    slack_ns = round(1e9 / segment.sample_rate_hz)
    rows = tx.execute(
        select(table.c.start_ns, table.c.end_ns, table.c.sample_rate_hz).where(
            table.c.sensor_id == sensor_id,
            table.c.channel == segment.channel,
            table.c.location_code == segment.location_code,
            table.c.end_ns >= segment.start_ns - slack_ns,
            table.c.start_ns <= segment.end_ns + slack_ns,
        )
    )
    return [(row.start_ns, row.end_ns, row.sample_rate_hz) for row in rows]


def _insert(tx: Connection, sensor_id: str, new: Iterable[Block]) -> None:
    rows = [
        {
            "sensor_id": sensor_id,
            "location_code": block.location_code,
            "channel": block.channel,
            "start_ns": block.start_ns,
            "end_ns": block.end_ns,
            "sample_rate_hz": block.sample_rate_hz,
            "sample_count": block.sample_count,
            "miniseed": block.miniseed,
        }
        for block in new
    ]
    tx.execute(insert(tables.block), rows)


def _note_channel(tx: Connection, sensor_id: str, segment: Segment) -> None:
    """Keeps the rate and end of a channel's latest samples, for lists."""
    table = tables.channel
    is_this = (
        (table.c.sensor_id == sensor_id)
        & (table.c.location_code == segment.location_code)
        & (table.c.code == segment.channel)
    )
    values = {"sample_rate_hz": segment.sample_rate_hz, "last_sample_ns": segment.end_ns}
    known = tx.execute(select(table.c.last_sample_ns).where(is_this)).scalar_one_or_none()
    if known is None:
        identity = {"sensor_id": sensor_id, "location_code": segment.location_code, "code": segment.channel}
        tx.execute(insert(table).values(**identity, **values))
    elif segment.end_ns > known:
        tx.execute(update(table).where(is_this).values(values))
