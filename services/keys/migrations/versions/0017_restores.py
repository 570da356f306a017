"""What an accepted restore of the log leaves: its epochs, and whether it was found to be put back."""

from shared.eventsourcing.log_migrations import add_restores_v2

revision = "0017"
down_revision = "0020"


def upgrade() -> None:
    add_restores_v2()
