"""Dead secrets as production keeps them: on PostgreSQL, by the role that a service runs as."""

from collections.abc import Iterator

import pytest

from services.auth.assembly import MIGRATIONS, assemble
from services.auth.verification import verify
from shared.contracts.keys import KeyDeleted, KeyRotated, KeySuspended, OrganisationRegistered
from shared.gate.authentication.credential import digest_of
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.gate_examples import NOW, ORGANISATION, MemoryLog, created, revoked, secret
from tests.servers import Postgres
from tests.service_database import new_service_database


@pytest.fixture
def auth_database(postgres: Postgres) -> Iterator[Database]:
    database = new_service_database(postgres, MIGRATIONS)
    yield database
    database.close()


def test_a_log_put_back_wakes_no_secret(auth_database: Database, clock: ManualClock) -> None:
    log = MemoryLog(clock)
    log.append(OrganisationRegistered(organisation_id=ORGANISATION, tier="free"))
    log.append(*(created(number) for number in range(1, 6)))
    log.append(
        revoked(2),
        KeyRotated(
            key_id="key_3", organisation_id=ORGANISATION, digest=digest_of(secret(30)), hint="grl_…", rotated_at=NOW
        ),
        KeySuspended(key_id="key_4", organisation_id=ORGANISATION, suspended_at=NOW),
        KeyDeleted(key_id="key_5", organisation_id=ORGANISATION, deleted_at=NOW),
    )
    auth = assemble(auth_database, log, clock)
    auth.subscription.pull()
    told = auth.dead_secrets(None, 10)
    assert verify(auth.book, clock, digest_of(secret(3))).problem == "key-rotated"
    del log.events[6:]
    auth.subscription.pull()
    problems = [verify(auth.book, clock, digest_of(secret(number))).problem for number in range(1, 6)]
    assert problems == [None, "key-revoked", "key-expired", "key-suspended", "invalid-key"]
    assert auth.dead_secrets(None, 10) == told
    assert {one.why for one in told.secrets} == {"revoked", "rotated", "suspended", "deleted"}
