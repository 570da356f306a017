"""Usage forgets again whom it had forgotten: the whole way of a restore to before a deletion, until it is accepted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.host.restoring.restore import accept
from tests.examples import ORIGIN
from tests.integration.embedded.soundness.data_folder_world import World, put_back
from tests.integration.usage.retention.test_erasure import callers
from tests.usage_examples import batch, record

ADDRESS = "192.0.2.7"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.stop()


@pytest.mark.parametrize("older", [("keys",), ("keys", "usage")], ids=" and ".join)
def test_a_deleted_key_s_callers_are_gone_after_a_restore_to_before_the_deletion(
    world: World, older: tuple[str, ...], tmp_path: Path
) -> None:
    deleted, living = world.create(), world.create()
    world.usage.metering.take_in(batch(record(key_id=deleted), record(key_id=living)))
    world.minutes()
    before = world.copy(tmp_path / "before")
    world.keys.commands.delete(world.organisation, deleted, ORIGIN)
    world.minutes()
    assert callers(world.usage.database) == {(deleted, ""), (living, ADDRESS)}

    world.stop()
    for service in older:
        put_back(world.folder, service, before)
    world.start()
    world.usage.metering.take_in(batch(record(60, key_id=deleted), start=1000))  # late, from a gate's spool
    world.minutes()
    # Where usage has its own memory it forgets at once; one that was put back, too, has to be told again.
    assert ((deleted, ADDRESS) in callers(world.usage.database)) is ("usage" in older)
    world.stop()
    accept(reason="a drill", yes=True, data=world.folder.path, as_json=True)

    world.start()
    world.minutes()
    assert callers(world.usage.database) == {(deleted, ""), (living, ADDRESS)}
    world.usage.metering.take_in(batch(record(120, key_id=deleted), start=2000))
    assert callers(world.usage.database) == {(deleted, ""), (living, ADDRESS)}
