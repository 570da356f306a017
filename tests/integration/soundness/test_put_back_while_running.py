"""Each database that was put back alone is named also when it is looked for late: everything ran on meanwhile."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from services.auth import assembly as auth_assembly
from services.cli.host.restoring.sensors import accept as accept_sensors
from services.embedded.data_folder import DataFolder
from tests.integration.embedded.soundness.data_folder_world import SERVICES, World, found, put_back


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.stop()


@pytest.mark.parametrize("minutes", [2, 60])
@pytest.mark.parametrize("service", ["auth", "usage"])
def test_a_follower_is_named_once_it_has_followed_on(world: World, service: str, minutes: int, tmp_path: Path) -> None:
    world.live(1)
    older = world.copy(tmp_path / "older")
    world.minutes(minutes)  # and nothing happens
    world.stop()
    put_back(world.folder, service, older)
    world.start()
    world.live()
    world.stop()
    (fault,) = found(world.folder)
    assert fault.startswith(f"{service}.sqlite: it was put back: ")


@pytest.mark.parametrize("service", ["auth", "usage"])
def test_so_is_one_whose_database_was_lost_whole(world: World, service: str, tmp_path: Path) -> None:
    world.live(1)
    world.minutes()
    world.stop()
    put_back(world.folder, service, DataFolder(tmp_path / "nothing"))
    world.start()
    world.live()
    world.stop()
    (fault,) = found(world.folder)
    assert f"{service}.sqlite: it was put back" in fault
    assert "nothing after its beginning" in fault


def test_what_is_merely_late_and_another_process_of_the_same_follower_are_not_named(world: World) -> None:
    world.live(1)
    other = auth_assembly.assemble(world.folder.database("auth"), world.keys.feed, world.clock)
    late = other.follower.held()
    world.minutes(30)
    answer = world.keys.feed.pull(other.follower.checkpoint(), None, late)
    assert answer.remembered is not None
    assert late.head is not None
    assert answer.remembered.signed_at > late.head.signed_at
    assert not other.follower.lacks(answer.remembered)
    other.following.catch_up()
    world.follow()
    other.database.close()
    world.stop()
    assert found(world.folder) == []


def test_sensors_put_back_to_after_its_last_event_are_named_by_the_samples_that_are_gone(
    world: World, tmp_path: Path
) -> None:
    world.live()
    world.offer(100)
    world.minutes()
    older = world.copy(tmp_path / "older")
    world.offer(50)
    world.minutes()
    world.stop()
    assert found(world.folder) == []
    put_back(world.folder, "sensors", older)
    what = "auth.sensors knows of samples offered after it"
    assert what in found(world.folder)[0]
    world.start()
    for _ in range(3):  # by then it was offered more than it had ever been
        world.offer(40)
        world.minutes()
    world.stop()
    (fault,) = found(world.folder)
    assert "auth.sensors put back knows of samples offered after it" in fault
    accept_sensors(world.folder.path, yes=True, as_json=True)
    assert found(world.folder) == []


def test_of_two_databases_that_were_put_back_to_different_ages_at_least_one_is_named(
    world: World, tmp_path: Path
) -> None:
    """Both of a pair may be of one age, as far as one knows of the other: so a third one names them."""
    older = []
    for number in range(2):
        world.live(1)
        world.offer(10)
        world.minutes()
        older.append(world.copy(tmp_path / f"older_{number}"))
    world.live(1)
    world.offer(10)
    world.minutes()
    world.stop()
    assert found(world.folder) == []
    for number, pair in enumerate(permutations(SERVICES, 2)):
        folder = world.copy(tmp_path / f"pair_{number}")
        for service, copy in zip(pair, older, strict=True):
            put_back(folder, service, copy)
        named = {fault.partition(".")[0] for fault in found(folder)}
        assert named & set(pair), pair
        assert named <= {*pair, "keys"}, pair
