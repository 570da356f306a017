"""Refused requests by key and day, so that a month's keys are compared by thirty rows each and not by its hours."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

# Hours hold the minutes before the mark; of the rest the minutes tell.
_FILL = """
UPDATE counter_day SET refused =
    (SELECT coalesce(sum(requests), 0) FROM counter_hour AS hours
     WHERE hours.key_id = counter_day.key_id AND hours.status BETWEEN 400 AND 499
       AND hours.minute >= counter_day.minute AND hours.minute < counter_day.minute + 1440)
    + (SELECT coalesce(sum(requests), 0) FROM counter AS minutes
       WHERE minutes.key_id = counter_day.key_id AND minutes.status BETWEEN 400 AND 499
         AND minutes.minute >= counter_day.minute AND minutes.minute < counter_day.minute + 1440
         AND minutes.minute >= (SELECT before FROM rolled_up))
"""


def upgrade() -> None:
    op.add_column("counter_day", sa.Column("refused", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(_FILL)
