"""Requests by day, what is counted as extents, counters by hour and day and of organisations, durations, parking."""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_STEPS = {"": 1, "_hour": 60}
# Rows are changed over and over: room on their pages keeps the new versions there, and the indexes as they are.
_ROOM: dict[str, Any] = {"postgresql_with": {"fillfactor": 60}}


def upgrade() -> None:
    _remember_extents()
    if op.get_bind().dialect.name == "postgresql":
        _partition_requests()
    else:
        op.add_column("request", sa.Column("problem", sa.String(40)))
        op.create_index("request_by_name", "request", ["request_id"])
        op.create_index("request_by_time", "request", ["at"])
    op.drop_table("counter")
    for prefix, owner in (("", "key_id"), ("organisation_", "organisation_id")):
        for suffix, minutes in _STEPS.items():
            _count(f"{prefix}counter{suffix}", owner, minutes)
        _by_time(f"{prefix}duration", owner, sa.Column("sketch", sa.LargeBinary, nullable=False))
    _count_days()
    sealed = op.create_table("sealed", sa.Column("before", sa.BigInteger, primary_key=True, autoincrement=False))
    op.bulk_insert(sealed, [{"before": 0}])
    op.create_table(
        "parked_batch",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("parked_at", sa.BigInteger, nullable=False),
    )
    op.add_column("last_use", sa.Column("address", sa.String(45)))
    op.add_column("last_use", sa.Column("route", sa.String(100)))


def _remember_extents() -> None:
    table = op.create_table(
        "counted_extent",
        sa.Column("segment", sa.String(32), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("end", sa.BigInteger, nullable=False),
    )
    merged: list[dict[str, str | int]] = []
    rows = op.get_bind().execute(sa.text('SELECT segment, start, "end" FROM batch ORDER BY segment, start'))
    for segment, start, end in rows:
        if merged and (merged[-1]["segment"], merged[-1]["end"]) == (segment, start):
            merged[-1]["end"] = end
        elif end > start:
            merged.append({"segment": segment, "start": start, "end": end})
    op.bulk_insert(table, merged)
    op.drop_table("batch")


def _partition_requests() -> None:
    op.execute("ALTER TABLE request RENAME TO request_before")
    op.execute("ALTER INDEX request_by_key RENAME TO request_by_key_before")
    op.execute("CREATE SEQUENCE request_number AS bigint")
    op.execute(
        "CREATE TABLE request ("
        " id bigint NOT NULL DEFAULT nextval('request_number'), at bigint NOT NULL, key_id varchar(32),"
        " organisation_id varchar(32), request_id varchar(100) NOT NULL, method varchar(16) NOT NULL,"
        " route varchar(100) NOT NULL, status integer NOT NULL, cost integer NOT NULL, duration_us bigint NOT NULL,"
        " size bigint NOT NULL, address varchar(45) NOT NULL, user_agent varchar(200) NOT NULL, problem varchar(40)"
        ") PARTITION BY RANGE (at)"
    )
    op.execute("ALTER SEQUENCE request_number OWNED BY request.id")
    op.execute("CREATE INDEX request_by_key ON request (key_id, at) WHERE key_id IS NOT NULL")
    # By its hash, which is small, and by ranges of pages: rows come nearly in the order of time.
    op.execute("CREATE INDEX request_by_name ON request USING hash (request_id)")
    op.execute("CREATE INDEX request_by_time ON request USING brin (at) WITH (autosummarize = on)")
    days = op.get_bind().execute(sa.text("SELECT DISTINCT at / 86400000000 FROM request_before")).scalars().all()
    for day in days:
        name = f"request_{date(1970, 1, 1) + timedelta(days=day):%Y%m%d}"
        op.execute(
            f"CREATE TABLE {name} PARTITION OF request FOR VALUES FROM ({day * _DAY_US}) TO ({(day + 1) * _DAY_US})"
        )
    columns = (
        "at, key_id, organisation_id, request_id, method, route, status, cost, duration_us, size, address, user_agent"
    )
    op.execute(f"INSERT INTO request ({columns}) SELECT {columns} FROM request_before ORDER BY id")  # noqa: S608
    op.execute("DROP TABLE request_before")


def _count(name: str, owner: str, minutes: int) -> None:
    _by_time(
        name,
        owner,
        sa.Column("route", sa.String(100), primary_key=True),
        sa.Column("status", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(total, sa.BigInteger, nullable=False) for total in ("requests", "cost", "size")),
    )
    # Until now nothing was ever dropped: all that was counted is there to be counted again.
    step = _MINUTE_US * minutes
    op.execute(
        f"INSERT INTO {name} ({owner}, minute, route, status, requests, cost, size)"  # noqa: S608  names of our own
        f" SELECT {owner}, at / {step} * {minutes} AS began, route, status, count(*), sum(cost), sum(size)"
        f" FROM request WHERE key_id IS NOT NULL AND {owner} IS NOT NULL GROUP BY {owner}, began, route, status"
    )


def _count_days() -> None:
    totals = ("requests", "cost", "size")
    _by_time("counter_day", "key_id", *(sa.Column(total, sa.BigInteger, nullable=False) for total in totals))
    op.execute(
        "INSERT INTO counter_day (key_id, minute, requests, cost, size)"
        " SELECT key_id, minute / 1440 * 1440 AS began, sum(requests), sum(cost), sum(size)"
        " FROM counter_hour GROUP BY key_id, began"
    )


def _by_time(name: str, owner: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column(owner, sa.String(32), primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        *columns,
        **_ROOM,
    )
    op.create_index(f"{name}_by_time", name, ["minute"], postgresql_using="brin")
