"""Networks of keys in the read model, on both databases: found by each, as it was, and made again from the log."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.keys import assembly
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.views.listing.key_filter import KeyFilter
from shared.runtime.clock import ManualClock
from tests.examples import ORIGIN, NoBus
from tests.integration.web.management import Networks
from tests.servers import Postgres
from tests.service_database import service_database


@pytest.fixture(params=["sqlite", "postgresql"])
def keys(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[assembly.Keys]:
    is_sqlite = request.param == "sqlite"
    server: Postgres | None = None if is_sqlite else request.getfixturevalue("postgres")
    database = service_database(server, tmp_path / "keys.db", assembly.MIGRATIONS)
    yield assembly.assemble(database, NoBus(), clock, lease_seconds=1, networks=Networks())
    database.close()


def test_keys_are_found_by_each_of_their_networks_and_are_the_same_when_made_again(
    keys: assembly.Keys, clock: ManualClock
) -> None:
    organisation_id = keys.commands.organisations.register("Ferrovie", "standard", ORIGIN)
    assert isinstance(keys.networks, Networks)
    keys.networks.known[organisation_id] = dict.fromkeys(("net_1", "net_11", "netx1"), "a network")

    def made(*networks: str) -> str:
        request = KeyRequest(
            description=Description(name="key"), permissions=("sensors:read",), networks=networks or None
        )
        return keys.commands.create(organisation_id, request, ORIGIN).key_id

    both, one, free = made("net_1", "net_11"), made("net_11"), made()
    emptied, before = made("netx1"), clock.now()
    clock.advance(1)
    none_left = KeyEdit(access=lambda access: replace(access, networks=()))
    keys.commands.edit(organisation_id, emptied, none_left, ORIGIN)

    def found(network_id: str) -> set[str]:
        page = keys.queries.list_keys(organisation_id, 100, wanted=KeyFilter(network_id=network_id))
        return {key.id for key in page.keys}

    def shown() -> list[tuple[str, ...] | None]:
        return [keys.queries.get_key(organisation_id, key_id).networks for key_id in (both, one, free, emptied)]

    for _ in range(2):
        assert (found("net_1"), found("net_11"), found("netx1"), found("net%")) == ({both}, {both, one}, set(), set())
        assert shown() == [("net_1", "net_11"), ("net_11",), None, ()]
        assert keys.as_of.at(organisation_id, emptied, before, clock.now()).key.networks == ("netx1",)
        keys.rebuild()
