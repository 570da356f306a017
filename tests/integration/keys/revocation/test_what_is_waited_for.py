"""What a command waits for: what takes power away, until no gate can act on the state before; the rest, a moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.keys import assembly
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from services.keys.revocation.propagation import Receipt
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import ORIGIN, NoBus
from tests.service_database import migrated

REQUEST = KeyRequest(description=Description(name="k"), permissions=("events:read", "sensors:read"))
Command = Callable[[CommandHandler, str, str], object]
TAKES_POWER: dict[str, Command] = {
    "suspend": lambda keys, of, key_id: keys.suspend(of, key_id, ORIGIN),
    "revoke": lambda keys, of, key_id: keys.revoke(of, key_id, Reason.UNSPECIFIED, None, ORIGIN),
    "revoke many": lambda keys, of, key_id: keys.revoke_all(of, (key_id,), Reason.UNSPECIFIED, None, ORIGIN),
    "delete": lambda keys, of, key_id: keys.delete(of, key_id, ORIGIN),
    "rotate at once": lambda keys, of, key_id: keys.rotate(of, key_id, timedelta(0), ORIGIN),
    "rotate instead of the newest": lambda keys, of, key_id: keys.rotate(
        of, key_id, timedelta(0), ORIGIN, instead=True
    ),
    "fewer permissions": lambda keys, of, key_id: keys.edit(of, key_id, KeyEdit(permissions=("events:read",)), ORIGIN),
    "narrower access": lambda keys, of, key_id: keys.edit(
        of, key_id, KeyEdit(access=lambda access: replace(access, allow_query=False)), ORIGIN
    ),
    "fewer networks": lambda keys, of, key_id: keys.edit(
        of, key_id, KeyEdit(access=lambda access: replace(access, networks=())), ORIGIN
    ),
    "a new secret": lambda keys, of, key_id: keys.edit(of, key_id, KeyEdit(regenerate=True), ORIGIN),
}
GIVES_POWER: dict[str, Command] = {
    "create": lambda keys, of, _: keys.create(of, REQUEST, ORIGIN),
    "resume": lambda keys, of, key_id: keys.resume(of, key_id, ORIGIN),
    "rotate with grace": lambda keys, of, key_id: keys.rotate(of, key_id, timedelta(hours=1), ORIGIN),
}


class Waits:
    """In the place of Propagation: which wait was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def await_certain(self, position: int, committed_at: float) -> Receipt:
        self.asked.append("certain")
        return Receipt(position=position, propagated=True, elapsed_ms=0, gates=())

    def await_known(self, position: int, committed_at: float) -> Receipt:
        self.asked.append("known")
        return Receipt(position=position, propagated=True, elapsed_ms=0, gates=())


@pytest.mark.parametrize("name", [*TAKES_POWER, *GIVES_POWER])
def test_what_takes_power_away_waits_until_no_gate_has_the_state_before(
    database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keys = assembly.assemble(migrated(database, assembly.MIGRATIONS), NoBus(), clock, lease_seconds=1).commands
    organisation_id = keys.organisations.register("Ferrovie", "standard", ORIGIN)
    key_id = keys.create(organisation_id, REQUEST, ORIGIN).key_id
    waits = Waits()
    monkeypatch.setattr(keys.receipts, "_propagation", waits)
    (TAKES_POWER | GIVES_POWER)[name](keys, organisation_id, key_id)
    assert waits.asked == ["certain" if name in TAKES_POWER else "known"]
