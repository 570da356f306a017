"""All databases put back together: named by the heads that were sent elsewhere, by `grillo audit verify --heads`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.host import audit
from shared.replication.heads.sent_elsewhere import HeadFile, SentElsewhere
from tests.integration.embedded.soundness.data_folder_world import SERVICES, World, found, put_back


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "data")
    yield world
    world.stop()


def verified(world: World, heads: Path) -> tuple[int, str]:
    done = CliRunner().invoke(audit.app, ["verify", "--data", str(world.folder.path), "--heads", str(heads)])
    return done.exit_code, done.output


def test_heads_that_lie_elsewhere_fit_also_with_some_missing_and_an_edited_one_is_named(
    world: World, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.jsonl"
    senders = [
        SentElsewhere("keys", lambda: world.keys.feed.pull(None).signed_head, HeadFile(heads)),
        SentElsewhere("sensors", world.sensors.signed_head, HeadFile(heads)),
    ]

    def live() -> None:
        for _ in range(3):
            world.live(1)
            for sender in senders:
                sender.tick()

    live()
    live()
    world.stop()
    status, told = verified(world, heads)
    assert (status, told.count("compared with 6 heads kept elsewhere")) == (0, 2)
    heads.write_bytes(b"\n".join(heads.read_bytes().splitlines()[:3]) + b"\n")
    assert verified(world, heads)[0] == 0
    last = json.loads(heads.read_text().splitlines()[-1])
    last["head"]["position"] += 1
    heads.write_bytes(heads.read_bytes() + json.dumps(last).encode() + b"\n")
    assert "line 4: a kept head does not match its signature" in verified(world, heads)[1]


def test_without_them_nobody_names_it(world: World, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    sender = SentElsewhere("keys", lambda: world.keys.feed.pull(None).signed_head, HeadFile(heads))
    world.live()
    older = world.copy(tmp_path / "older")
    world.live()
    sender.tick()
    world.stop()
    for service in SERVICES:
        put_back(world.folder, service, older)
    assert found(world.folder) == []
    status, told = verified(world, heads)
    assert (status, "heads.jsonl has seen this row; it is gone" in told) == (1, True)
