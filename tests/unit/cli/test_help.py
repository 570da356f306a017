"""Help texts of all commands: labels are spelled in one way, and what talks to a server answers in JSON, too."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from services.cli.application import application

LABEL = "NAME:VALUE, such as env:prod"


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that has none below it, under its words."""
    below = getattr(group, "commands", None)
    if below is None:
        yield " ".join(path), group
        return
    for name, command in below.items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(application())))


def helps(command: Any) -> str:
    return " ".join([command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)])


def test_every_option_for_labels_says_how_they_are_spelled() -> None:
    options = {
        name: option.help for name, command in COMMANDS.items() for option in command.params if "--label" in option.opts
    }
    assert {"keys create", "keys list", "keys edit", "keys revoke-many", "alerts rules create"} <= options.keys()
    assert [name for name, told in options.items() if LABEL not in (told or "")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_text_spells_a_label_otherwise(name: str) -> None:
    without = helps(COMMANDS[name]).replace(LABEL, "")
    assert re.findall(r"\b(?:name|env)[=:](?:value|prod)\b", without, re.IGNORECASE) == []


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "run"])
def test_every_command_but_the_one_that_does_not_end_answers_programs_in_json(name: str) -> None:
    assert "--json" in [spelling for option in COMMANDS[name].params for spelling in option.opts]
