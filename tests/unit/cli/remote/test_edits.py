"""What `grillo keys edit` takes away, and wishes that contradict each other."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.cli.remote import keys
from services.cli.remote.keys import CLEARABLE


@pytest.mark.parametrize("name", CLEARABLE.names)
def test_each_member_that_may_be_absent_is_cleared(name: str) -> None:
    member, _, inner = name.partition(".")
    assert CLEARABLE.cleared({}, [name]) == {member: {inner: None} if inner else None}


def test_a_key_never_expires_if_that_is_asked_for_whatever_the_organisation_s_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    class Noted:
        def post(self, _path: str, body: dict[str, Any]) -> dict[str, str]:
            asked.append(body)
            return {"id": "key_1", "key": "shown once"}

    monkeypatch.setattr(keys, "Client", Noted)
    create = ["create", "Railway", "--permission", "sensors:read"]
    for options in ([], ["--never-expires"]):
        assert CliRunner().invoke(keys.app, [*create, *options]).exit_code == 0
    assert [body.get("expires_at", "not said") for body in asked] == ["not said", None]
    refused = CliRunner().invoke(keys.app, [*create, "--never-expires", "--expires-in", "60"], terminal_width=200)
    assert (refused.exit_code, len(asked)) == (2, 2)


def test_networks_are_named_one_by_one_and_taken_away_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Noted:
        def post(self, _path: str, body: dict[str, Any]) -> dict[str, str]:
            asked.append(body["networks"])
            return {"id": "key_1", "key": "shown once"}

        def patch(self, _path: str, body: dict[str, Any], *_: Any, **__: Any) -> dict[str, str]:
            asked.append(body["networks"])
            return {"id": "key_1"}

        def pages(self, _path: str, **query: Any) -> list[Any]:
            asked.append(query["network_id"])
            return []

    monkeypatch.setattr(keys, "Client", Noted)
    two = ["--network", "net_1", "--network", "net_2"]
    for command in (
        ["create", "Railway", "--permission", "sensors:read", *two],
        ["edit", "key_1", *two],
        ["edit", "key_1", "--clear", "networks"],
        ["list", "--network", "net_1"],
    ):
        assert CliRunner().invoke(keys.app, command).exit_code == 0, command
    assert asked == [["net_1", "net_2"], ["net_1", "net_2"], None, "net_1"]


def test_one_label_is_cleared_as_another_is_set() -> None:
    assert CLEARABLE.cleared({"labels": {"env": "prod"}}, ["labels.a.b"]) == {"labels": {"env": "prod", "a.b": None}}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"expires_in": 60}, ["expires_at"]),
        ({"description": "x"}, ["description"]),
        ({"labels": {"env": "prod"}}, ["labels"]),
        ({"labels": {"env": "prod"}}, ["labels.env"]),
        ({"limits": {"day": 5}}, ["limits.day"]),
        ({"limits": {"day": 5}}, ["limits"]),
        ({}, ["limits", "limits.day"]),
        ({}, ["name"]),
        ({}, ["key"]),
    ],
)
def test_contradictions_and_what_is_never_absent_are_wrong_usage(body: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        CLEARABLE.cleared(body, names)


@pytest.mark.parametrize(
    ("options", "said"), [([], "nothing to change"), (["--expires-in", "60", "--never-expires"], "at once")]
)
def test_the_command_ends_with_2_before_it_asks_anybody(options: list[str], said: str) -> None:
    done = CliRunner().invoke(keys.app, ["edit", "key_5Gf9QeVT1rPbnXcsLwa4yM", *options], terminal_width=200)
    assert done.exit_code == 2
    assert said in done.output
