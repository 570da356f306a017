"""Tables of an event log: its rows, its head, and the epochs that accepted restores began."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, UniqueConstraint


def log_tables(metadata: MetaData) -> tuple[Table, Table]:
    """Declares `log`, `log_head` and `log_epoch` among a service's tables; returns the first two."""
    log = Table(
        "log",
        metadata,
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("stream", String(64), nullable=False),
        Column("version", Integer, nullable=False),
        Column("type", String(64), nullable=False),
        Column("schema_version", Integer, nullable=False),
        Column("data", Text, nullable=False),
        Column("metadata", Text, nullable=False),
        Column("recorded_at", String(27), nullable=False),
        Column("hash", String(64), nullable=False),
        UniqueConstraint("stream", "version", name="log_stream_version"),
    )
    # `epoch`: of the first rows. `present_epoch`: of the newest, once a restore was accepted. `divergence`: what showed
    # that the log was put back (JSON, see replication/divergence); while it is set, nothing is appended.
    head = Table(
        "log_head",
        metadata,
        Column("epoch", String(32), primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
        Column("present_epoch", String(32)),
        Column("divergence", Text),
    )
    # Epochs after the first; at `from_position` is the LogRestored that began it.
    Table(
        "log_epoch",
        metadata,
        Column("epoch", String(32), primary_key=True),
        Column("from_position", BigInteger, nullable=False),
    )
    return log, head
