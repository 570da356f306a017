"""When the wall clock was last beyond doubt, and what it said since."""

from shared.sql.clocks.reading_table import create_clock_reading_v1

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    create_clock_reading_v1()
