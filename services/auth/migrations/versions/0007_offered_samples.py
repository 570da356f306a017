"""How many samples the service of a kept head had been offered when it signed it."""

from shared.replication.follower_migrations import add_offered_v3

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    add_offered_v3()
