"""Every webhook's secret comes under the newest key, so that nothing needs the one before."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from services.usage.assembly import MIGRATIONS
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.resealing import Resealed, reseal
from services.usage.notifications.channels.secret_encryption import SecretEncryption
from shared.sql.database import Database
from tests.e2e.running import GRILLO
from tests.examples import NOON
from tests.service_database import migrated

OLD, NEW, LOST = "o" * 32, "n" * 32, "l" * 32


def channel(number: int, key: str | None, previous: str | None = None) -> Channel:
    """Its secrets are whsec_NUMBER and whsec_before_NUMBER. No key: a mail address, without a secret."""
    return Channel(
        id=f"cha_{number:04}",
        organisation_id=f"org_{number}",
        kind=Kind.EMAIL if key is None else Kind.WEBHOOK,
        target="https://example.org/hook",
        events=("AlertRaised",),
        sealed_secret=key and SecretEncryption((key,)).seal(f"whsec_{number}"),
        sealed_previous_secret=previous and SecretEncryption((previous,)).seal(f"whsec_before_{number}"),
        created_at=NOON,
    )


def filled(database: Database, *channels: Channel) -> ChannelStore:
    migrated(database, MIGRATIONS)
    store = ChannelStore(database)
    for each in channels:
        store.add(each)
    return store


def test_afterwards_the_newest_key_alone_reads_every_secret(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.usage.notifications.channels.resealing._PAGE_ROWS", 2)
    channels = (channel(1, OLD, OLD), channel(2, None), channel(3, NEW, OLD), channel(4, NEW), channel(5, OLD))
    store = filled(database, *channels)
    both, new = SecretEncryption((NEW, OLD)), SecretEncryption((NEW,))
    assert reseal(database, both) == Resealed(secrets=4, unreadable=())
    for before in channels:
        after = store.find(before.id)
        assert after is not None
        if before.sealed_secret and after.sealed_secret:
            assert new.unseal(after.sealed_secret) == both.unseal(before.sealed_secret)
        if before.sealed_previous_secret and after.sealed_previous_secret:
            assert new.unseal(after.sealed_previous_secret) == both.unseal(before.sealed_previous_secret)
        unsealed = [replace(each, sealed_secret=None, sealed_previous_secret=None) for each in (before, after)]
        assert unsealed[0] == unsealed[1]  # the revision, too
    assert reseal(database, both) == Resealed(secrets=0, unreadable=())


def test_what_no_key_reads_is_named_and_left_and_the_rest_is_done(database: Database) -> None:
    store = filled(database, channel(1, LOST, OLD), channel(2, OLD))
    before = store.find("cha_0001")
    assert reseal(database, SecretEncryption((NEW, OLD))) == Resealed(secrets=1, unreadable=("cha_0001",))
    assert store.find("cha_0001") == before
    after = store.find("cha_0002")
    assert after is not None
    with pytest.raises(InvalidToken):
        SecretEncryption((OLD,)).unseal(after.sealed_secret or "")


@pytest.mark.parametrize("place", ["a data folder", "DATABASE_URL"])
def test_the_command_says_how_many_and_which_cannot_be_read(tmp_path: Path, place: str) -> None:
    filled(Database.sqlite(tmp_path / "usage.sqlite"), channel(1, OLD), channel(2, LOST))
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if place == "DATABASE_URL":
        environment |= {"DATABASE_URL": f"sqlite:///{tmp_path}/usage.sqlite", "CHANNEL_SECRETS_KEY": f"{NEW},{OLD}"}
    else:
        (tmp_path / "channel-secrets-key").write_text(f"{NEW},{OLD}")
    command = [*GRILLO, "channels", "reseal", "--data", str(tmp_path)]
    first, second = (subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2))
    assert (first.returncode, first.stdout) == (1, "1 secrets sealed anew.\n")
    assert first.stderr.startswith("grillo: sealed under none of the keys: cha_0002. ")
    assert second.stdout == "0 secrets sealed anew.\n"
    assert not any(key in first.stdout + first.stderr for key in (OLD, NEW, "whsec_"))
