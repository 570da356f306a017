"""`grillo keys …` against a running system."""

import json

from tests.e2e.running import SECRET, System, grillo


def test_a_key_is_created_listed_shown_and_revoked_from_the_command_line(system: System) -> None:
    def run(*arguments: str) -> str:
        done = grillo("keys", *arguments, key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    created = json.loads(
        run("create", "From the shell", "--permission", "sensors:read", "--label", "env=test", "--json")
    )
    key_id = created["id"]
    assert key_id in run("list")
    assert "env: test" in run("show", key_id)
    assert SECRET.search((run("list") + run("show", key_id)).encode()) is None
    assert "refused everywhere after" in run("revoke", key_id, "--reason", "superseded")
    assert "requests in all" in run("usage", key_id)


def test_a_refusal_says_what_to_do_and_exits_with_1(system: System) -> None:
    refused = grillo("keys", "create", "x" * 101, "--permission", "sensors:read", key=system.admin_key, url=system.url)
    assert refused.returncode == 1
    assert "/name: " in refused.stderr
    unknown = grillo("keys", "show", "key_0", key=system.admin_key, url=system.url)
    assert unknown.returncode == 1
    assert "There is nothing here (404)" in unknown.stderr


def test_a_server_that_is_not_there_is_named() -> None:
    refused = grillo("keys", "list", key="grl_", url="http://127.0.0.1:9")
    assert refused.returncode == 1
    assert "no answer from http://127.0.0.1:9" in refused.stderr


def test_wrong_usage_exits_with_2() -> None:
    assert grillo("keys", "create", "No permission").returncode == 2
