"""A siege: a running system under load while somebody attacks it, and what must hold of it, as its callers saw it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import select

from services.keys import tables
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT
from shared.sql.database import Database
from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually, judged
from tests.faults.load import Ledger, Load, await_each_counted_once
from tests.trust.forger import Victims, new_secret
from tests.trust.witnesses import Witnesses

# A receipt is due after a lease and a margin, under load and with gates that are silent, too.
_DUE_MS_MAX = (LEASE_SECONDS_DEFAULT + 1) * 1000
_SLOWED = "http-problem-types#quota-exceeded"  # where too many forged keys came from
_TRUTH = {
    "forged": {"invalid-key", _SLOWED},
    "living": {"insufficient-permission"},
    "suspended": {"key-suspended"},
    "revoked": {"key-revoked"},
}
_SEED = 20261128
# Usage counts last, under load, and has the lowest priority.
WAIT_SECONDS_MAX = 600


class Known:
    """Keys in each state, made for an attack, and a secret that nobody made."""

    def __init__(self, system: Distributed) -> None:
        living, living_secret = system.create_key("events:read")
        suspended, suspended_secret = system.create_key("events:read")
        revoked, revoked_secret = system.create_key("events:read")
        with system.admin() as admin:
            admin.post(f"/v1/keys/{suspended}/suspend", json={}).raise_for_status()
            admin.post(f"/v1/keys/{revoked}/revoke").raise_for_status()
        forged = new_secret()
        self.victims = Victims(organisation=system.organisation, living=living, suspended=suspended, forged=forged)
        self.secrets = {"forged": forged, "living": living_secret}
        self.secrets |= {"suspended": suspended_secret, "revoked": revoked_secret}


class Siege:
    """`with Siege(system, known, services):` and, when it is over, `assert_held()`. `services`: not the attacker's."""

    def __init__(self, system: Distributed, known: Known, services: Collection[str]) -> None:
        self.system, self.stack, self.services = system, system.stack, services
        self.gates = gates_of(system, services)
        self._said_before = len(system.stack.errors())
        self._load = Load(system, seed=_SEED)
        self.ledger: Ledger = self._load.ledger
        self.witnesses = Witnesses(system.stack, known.secrets, services)

    def __enter__(self) -> "Siege":
        with ExitStack() as entered:
            entered.enter_context(self._load)
            entered.enter_context(self.witnesses)
            self._running = entered.pop_all()
        return self

    def __exit__(self, *failed: Any) -> None:
        with self._running:
            if failed[0] is None:
                self.witnesses.until_each_was_tried_twice()

    def assert_held(self) -> None:
        assert_the_truth_was_told(self.witnesses, self.services)
        assert self.ledger.admitted_after_receipt == []
        assert self.ledger.answered, f"the load was real: {self.ledger.statuses}"
        assert self.ledger.receipts
        for receipt in self.ledger.receipts:
            assert_came_in_time(receipt, self.gates)
        assert "follower_restarted" not in self.stack.errors()[self._said_before :]
        log = Log(self.stack.databases())
        await_each_counted_once(log, self.ledger)
        log.close()


def assert_the_truth_was_told(witnesses: Witnesses, services: Collection[str]) -> None:
    untrue = {who: told - _TRUTH[who[1]] for who, told in witnesses.told.items() if told - _TRUTH[who[1]]}
    assert untrue == {}
    assert {service for service, _ in witnesses.told} == set(services)


def assert_came_in_time(receipt: dict[str, Any], gates: set[str]) -> None:
    """It waited for silent gates once at most, and has a line of each of these gates that says it has applied it."""
    assert receipt["propagated"]
    assert receipt["elapsed_ms"] <= _DUE_MS_MAX
    assert gates <= applied(receipt)


def applied(receipt: dict[str, Any]) -> set[str]:
    return {gate["id"] for gate in receipt["gates"] if "applied_ms" in gate}


def receipt_of(system: Distributed) -> dict[str, Any]:
    """Of the revocation of a key made for it."""
    key_id, _ = system.create_key("sensors:read")
    with system.admin() as admin:
        answer = judged(lambda: admin.post(f"/v1/keys/{key_id}/revoke"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["receipt"]
    return found


def gates_of(system: Distributed, services: Collection[str]) -> set[str]:
    """Those that live: of the others a revocation leaves no row."""
    receipt_of(system)
    database, table = Database(system.stack.databases()["keys"]), tables.gate
    with database.reading() as tx:
        found = set(tx.execute(select(table.c.id).where(table.c.account.in_(services))).scalars())
    database.close()
    return found


@contextmanager
def counted_by(services: Collection[str], read: Callable[[str], int], *, by: int = 1) -> Iterator[None]:
    """Waits until the count of each service has grown by so much, meanwhile or soon after."""
    before = {service: read(service) for service in services}
    yield
    eventually(
        lambda: [one for one in services if read(one) < before[one] + by],
        lambda missing: missing == [],
        seconds=WAIT_SECONDS_MAX,
    )
