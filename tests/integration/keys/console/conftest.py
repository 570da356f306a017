"""The console's people, links and sessions, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.keys import assembly
from services.keys.assembly import Keys
from services.keys.console.sessions.sign_in import SignIn
from shared.replication.proof.signatures import Signer, new_private_key
from shared.runtime.clock import ManualClock
from tests.examples import ORIGIN, NoBus
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console
from tests.integration.keys.console.usage_double import Usage
from tests.servers import Postgres
from tests.service_database import service_database


@pytest.fixture(params=["sqlite", "postgresql"])
def keys(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Keys]:
    is_sqlite = request.param == "sqlite"
    server: Postgres | None = None if is_sqlite else request.getfixturevalue("postgres")
    database = service_database(server, tmp_path / "keys.db", assembly.MIGRATIONS)
    yield assembly.assemble(database, NoBus(), clock, lease_seconds=1)
    database.close()


@pytest.fixture
def organisation_id(keys: Keys) -> str:
    return keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)


@pytest.fixture
def sign_in(keys: Keys, clock: ManualClock) -> SignIn:
    return SignIn(keys.database, clock)


@pytest.fixture
def console(tmp_path: Path, clock: ManualClock) -> Iterator[Console]:
    database = service_database(None, tmp_path / "keys.db", assembly.MIGRATIONS)
    yield Console(assembly.assemble(database, NoBus(), clock, lease_seconds=1))
    database.close()


@pytest.fixture
def usage() -> Usage:
    return Usage()


@pytest.fixture
def browser(console: Console, usage: Usage) -> Browser:
    """Anna's, at a console that asks `usage`."""
    browser = Browser(console.at("http://127.0.0.1:8000", usage))
    browser.sign_in(console.link(name="Anna"))
    return browser


@pytest.fixture
def signing_console(tmp_path: Path, clock: ManualClock) -> Iterator[Console]:
    """Its receipts have a proof."""
    database = service_database(None, tmp_path / "keys.db", assembly.MIGRATIONS)
    signer = Signer(new_private_key())
    yield Console(assembly.assemble(database, NoBus(), clock, lease_seconds=1, signer=signer))
    database.close()
