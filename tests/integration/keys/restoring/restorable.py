"""Keys and auth over files of their own, of which the one of keys can be put back to what it was."""

import shutil
from pathlib import Path

from services.auth import assembly as auth_assembly
from services.keys import assembly as keys_assembly
from services.keys.commands.command_inputs import CreatedKey, KeyRequest
from services.keys.encryption.description import Description
from shared.contracts.seen import SeenKey
from shared.gate.grants.replica import Replica
from shared.replication.feed import Acknowledgement, FeedPage
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_heads import SIGNED_EVERY_SECONDS, SignedHead
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON, ORIGIN, NoBus
from tests.service_database import migrated

REQUEST = KeyRequest(description=Description(name="key"), permissions=("sensors:read",))


class Restorable:
    """Each `start` is of all services anew; the signing key stays. `replica`: a gate's. `stolen`: a key's id."""

    stolen = ""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.signer = folder, ManualClock(NOON), Signer(new_private_key())
        self.start()
        self.organisation = self.keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)

    def start(self) -> None:
        keys = migrated(Database.sqlite(self.folder / "keys.db"), keys_assembly.MIGRATIONS)
        auth = migrated(Database.sqlite(self.folder / "auth.db"), auth_assembly.MIGRATIONS)
        self.keys = keys_assembly.assemble(keys, NoBus(), self.clock, lease_seconds=0, signer=self.signer)
        self.auth = auth_assembly.assemble(auth, self.keys.feed, self.clock)
        self.new_gate()

    def new_gate(self) -> None:
        feed = self.keys.feed
        self.replica = Replica(gate="gate_1", feed=feed, snapshot=self.auth.book.snapshot, clock=self.clock)

    def stop(self) -> None:
        self.keys.database.close()
        self.auth.database.close()

    def pull_at_gate(self) -> None:
        """And takes its place away, so that no command waits for it. Raises what the pull raises."""
        try:
            self.replica.pull()
        finally:
            self.keys.propagation.remove("gate_1")

    def follow(self) -> None:
        """Until what is there now is in a signed head that auth keeps."""
        self.clock.advance(SIGNED_EVERY_SECONDS)
        self.auth.following.catch_up()

    def create(self) -> CreatedKey:
        return self.keys.commands.create(self.organisation, REQUEST, ORIGIN, beyond_limit=True)

    def dump(self) -> Path:
        """A copy of the database of keys as it is now."""
        self.stop()
        copy = Path(shutil.copy(self.folder / "keys.db", self.folder / "dump.db"))
        self.start()
        return copy

    def put_back(self, dump: Path) -> None:
        """Everything is stopped, the older file put in place, everything started."""
        self.stop()
        for file in self.folder.glob("keys.db*"):
            file.unlink()
        shutil.copy(dump, self.folder / "keys.db")
        self.start()

    def held(self) -> SignedHead:
        """The newest signed head that auth keeps."""
        head = self.auth.follower.held().head
        assert head is not None
        return head

    def kept(self) -> list[tuple[str, SignedHead]]:
        return [("auth.grants", self.held())]

    def seen(self) -> tuple[SeenKey, ...]:
        """All keys that auth was told of."""
        return self.auth.seen_keys(None, 1000).keys

    def name(self, head: SignedHead, *, gate: str | None = None) -> FeedPage:
        """The feed's answer to a follower that names this head."""
        acknowledgement = None if gate is None else Acknowledgement(gate=gate, position=0)
        return self.keys.feed.pull(None, acknowledgement, HeldHead(follower="auth.grants", head=head))
