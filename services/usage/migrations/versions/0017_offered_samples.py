"""How many samples the service of a kept head had been offered when it signed it; of keys, which is followed, none."""

from shared.replication.follower_migrations import add_offered_v3

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    add_offered_v3()
