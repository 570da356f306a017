"""`grillo organisation show` and `edit`: what of the policies they ask the server to change."""

from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli.application import application
from services.cli.remote import organisation


class Noted:
    asked: list[tuple[Any, ...]] = []  # noqa: RUF012  a test clears it

    def get(self, path: str) -> dict[str, Any]:
        self.asked.append((path,))
        return {"id": "org_1", "tier": "standard", "revision": 3}

    def patch(self, path: str, body: dict[str, Any], headers: dict[str, str], **query: Any) -> dict[str, Any]:
        self.asked.append((path, body, headers, query))
        return {"id": "org_1", "revision": 4}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    monkeypatch.setattr(organisation, "Client", Noted)
    Noted.asked.clear()
    return Noted.asked


def run(*arguments: str) -> Any:
    return CliRunner().invoke(application(), ["organisation", *arguments])


def test_what_is_named_is_changed_and_what_is_cleared_becomes_null(asked: list[tuple[Any, ...]]) -> None:
    options = ("--unused-expiry-days", "90", "--clear", "lifetime_max_days", "--revision", "3", "--force")
    assert "revision 4" in run("edit", *options).output
    body = {"unused_expiry_days": 90, "lifetime_max_days": None}
    assert asked == [("/v1/organisation", body, {"If-Match": '"3"'}, {"force": "true"})]


def test_nothing_and_contradictions_are_wrong_usage(asked: list[tuple[Any, ...]]) -> None:
    twice = ("--lifetime-max-days", "9", "--clear", "lifetime_max_days")
    assert [run("edit").exit_code, run("edit", *twice).exit_code, run("edit", "--clear", "tier").exit_code] == [2, 2, 2]
    assert asked == []


def test_it_is_shown_for_people_and_for_programs(asked: list[tuple[Any, ...]]) -> None:
    assert "standard" in run("show").output
    assert run("show", "--json").output.startswith('{"id": "org_1"')
