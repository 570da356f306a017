"""A checksum of the follower's checkpoint."""

from shared.replication.follower_migrations import add_checkpoint_checksum_v2

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    add_checkpoint_checksum_v2()
