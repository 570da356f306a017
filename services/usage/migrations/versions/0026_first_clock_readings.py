"""The first reading of the wall clock in each boot, by which later ones are judged."""

from shared.sql.clocks.reading_table import add_first_readings_v1

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    add_first_readings_v1()
