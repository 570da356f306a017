"""Latency sketches by day, merged from those by hour."""

import itertools
from collections.abc import Iterable

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_READ_ROWS = 5000
_DAY_MINUTES = 1440


def upgrade() -> None:
    for name, owner in (("duration", "key_id"), ("organisation_duration", "organisation_id")):
        table = op.create_table(
            f"{name}_day",
            sa.Column(owner, sa.String(32), primary_key=True),
            sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("sketch", sa.LargeBinary, nullable=False),
            postgresql_with={"fillfactor": 60},  # as of the hours: rows are changed over and over
        )
        op.create_index(f"{name}_day_by_time", f"{name}_day", ["minute"], postgresql_using="brin")
        _sum_hours(name, owner, table)


def _sum_hours(name: str, owner: str, days: sa.Table) -> None:
    hours = sa.table(name, sa.column(owner), sa.column("minute"), sa.column("sketch"))
    query = sa.select(hours.c[owner], hours.c.minute, hours.c.sketch).order_by(hours.c[owner], hours.c.minute)
    connection = op.get_bind()
    rows = connection.execute(query.execution_options(yield_per=_READ_ROWS))
    by_day = itertools.groupby(rows, key=lambda row: (row[0], row[1] - row[1] % _DAY_MINUTES))
    summed = ((*day, _sum(sketch for _, _, sketch in of_day)) for day, of_day in by_day)
    while some := list(itertools.islice(summed, _READ_ROWS)):
        op.bulk_insert(days, [dict(zip((owner, "minute", "sketch"), row, strict=True)) for row in some])


def _sum(sketches: Iterable[bytes]) -> bytes:
    buckets: dict[int, int] = {}
    for sketch in sketches:
        for bucket, requests in msgspec.msgpack.decode(sketch, type=dict[int, int]).items():
            buckets[bucket] = buckets.get(bucket, 0) + requests
    return msgspec.msgpack.encode(dict(sorted(buckets.items())))
