"""SQLAlchemy tables of the catalogue: seismic events as their sources tell them now, and what became of imports."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from services.sensors.tables import metadata

# Projected from the log. Times are microseconds since 1970. `details`: the whole solution as JSON. `withdrawn`: 0 or 1.
seismic_event = Table(
    "seismic_event",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
    Column("network_id", String(32)),
    Column("source", Text, nullable=False),
    Column("public_id", Text, nullable=False),
    Column("origin_us", BigInteger, nullable=False),
    Column("latitude", Float(53), nullable=False),
    Column("longitude", Float(53), nullable=False),
    Column("magnitude", Float(53)),
    Column("details", Text, nullable=False),
    Column("said_us", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("withdrawn", Integer, nullable=False),
    Index("seismic_event_by_time", "organisation_id", "origin_us", "id"),
)

# Events ever offered in catalogues, by what became of them: added, revised, withdrawn, repeated, rejected.
catalogue_account = Table(
    "catalogue_account",
    metadata,
    Column("outcome", String(16), primary_key=True),
    Column("events", BigInteger, nullable=False),
)
