"""`grillo keys …` against a running system. Commands speak HTTP, which is the same in both worlds: one is enough."""

import json

import pytest

from tests.e2e.running import SECRET, System, eventually, grillo

in_one_world = pytest.mark.parametrize("system", ["embedded"], indirect=True)


@in_one_world
def test_a_key_is_created_listed_shown_and_revoked_from_the_command_line(system: System) -> None:
    def run(*arguments: str) -> str:
        done = grillo("keys", *arguments, key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    created = json.loads(
        run(
            "create",
            "From the shell",
            "--permission",
            "sensors:read",
            "--label",
            "env:test",
            "--label",
            "team:x",
            "--json",
        )
    )
    key_id = created["id"]
    assert key_id in run("list")
    assert key_id in run("list", "--label", "env:test", "--label", "team:x")
    assert key_id not in run("list", "--label", "env:test", "--label", "team:y")
    assert json.loads(run("show", key_id, "--as-of", created["created_at"], "--json"))["revision"] == 1
    assert "env: test" in run("show", key_id)
    assert SECRET.search((run("list") + run("show", key_id)).encode()) is None
    assert "refused everywhere after" in run("revoke", key_id, "--reason", "superseded")
    assert "requests in all" in run("usage", key_id)
    lived = run("activity", key_id, "--limit", "5")
    assert "KeyCreated" in lived
    assert "KeyRevoked" in lived
    assert json.loads(run("activity", key_id, "--status", "4xx", "--json"))["data"] == []
    assert "deleted: refused everywhere after" in run("delete", key_id, "--yes")
    assert key_id not in run("list")


@in_one_world
def test_what_a_leaked_key_made_is_told_and_ended_from_the_command_line(system: System) -> None:
    leaked, secret = system.create_key("admin", name="Leaked")
    renewed, _ = system.create_key("sensors:read", name="The owner's")
    with system.client(secret) as thief:
        made = thief.post("/v1/keys", json={"name": "The thief's", "permissions": ["admin"]}).json()["id"]
        assert thief.post(f"/v1/keys/{renewed}/rotate", json={}).status_code == 200

    def run(*arguments: str) -> str:
        done = grillo("keys", "revoke", leaked, *arguments, key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = run()
    assert f"{made}  made with it\n" in told
    assert f"{renewed}  renewed with it: rotate it" in told
    ended = json.loads(run("--made-since", "2026-01-01T00:00:00Z", "--also-made", "--yes", "--json"))
    assert (sorted(ended["made"]), ended["renewed"]) == (sorted((made, renewed)), [renewed])
    with system.admin() as owner:
        status = {key_id: owner.get(f"/v1/keys/{key_id}").json()["status"] for key_id in (leaked, made, renewed)}
        owner.post(f"/v1/keys/{renewed}/revoke", json={}).raise_for_status()
    assert status == {leaked: "revoked", made: "revoked", renewed: "active"}


@in_one_world
def test_a_key_is_edited_rotated_suspended_and_resumed_from_the_command_line(system: System) -> None:
    key_id, first = system.create_key("events:read", "sensors:read", name="Before")

    def run(*arguments: str) -> str:
        done = grillo("keys", *arguments, key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(secret: str) -> int:
        with system.client(secret) as client:
            return client.get("/v1/sensors").status_code

    edited = json.loads(run("edit", key_id, "--name", "After", "--permission", "sensors:read", "--json"))
    assert (edited["name"], edited["permissions"]) == ("After", ["sensors:read"])
    lost = run("rotate", key_id, "--grace", "600").strip()
    second = run("rotate", key_id, "--instead").strip()
    assert (status(first), status(lost), status(second)) == (200, 401, 200)
    eventually(lambda: json.loads(run("show", key_id, "--json"))["previous_secret"]["last_used_at"], bool)
    assert "suspended everywhere after" in run("suspend", key_id)
    assert (status(first), status(second)) == (401, 401)
    assert key_id in run("list", "--status", "suspended", "--search", "AFTER")
    run("resume", key_id)
    assert (status(first), status(second)) == (200, 200)
    stale = grillo("keys", "edit", key_id, "--name", "x", "--revision", "1", key=system.admin_key, url=system.url)
    assert (stale.returncode, "(412)" in stale.stderr) == (1, True)
    more = grillo("keys", "edit", key_id, "--permission", "admin", key=system.admin_key, url=system.url)
    assert (more.returncode, "`regenerate: true`" in more.stderr) == (1, True)
    third = run("edit", key_id, "--permission", "admin", "--regenerate").strip()
    assert (status(first), status(second), status(third)) == (401, 401, 200)


@in_one_world
def test_many_keys_are_revoked_at_once_after_a_look(system: System) -> None:
    def run(*arguments: str) -> str:
        done = grillo("keys", *arguments, key=system.admin_key, url=system.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    limited = ("--minute-limit", "7", "--day-limit", "70", "--address", "192.0.2.0/24", "--label", "batch=leaked")
    made = [
        json.loads(run("create", f"Leaked {n}", "--permission", "sensors:read", *limited, "--json")) for n in range(3)
    ]
    assert made[0]["limits"] == {"minute": 7, "day": 70}
    assert made[0]["allowed_addresses"] == ["192.0.2.0/24"]
    # There is nobody to ask.
    unasked = grillo("keys", "revoke-many", "--label", "batch=leaked", key=system.admin_key, url=system.url)
    assert (unasked.returncode, "--yes" in unasked.stderr) == (2, True)
    looked_at = run("revoke-many", "--label", "batch=leaked", "--dry-run")
    assert "3 keys would be revoked." in looked_at
    assert all(key["id"] in looked_at for key in made)
    assert json.loads(run("show", made[0]["id"], "--json"))["status"] == "active"
    assert "3 keys revoked: refused everywhere after" in run("revoke-many", "--label", "batch=leaked", "--yes")
    assert {json.loads(run("show", key["id"], "--json"))["status"] for key in made} == {"revoked"}
    assert grillo("keys", "revoke-many", key=system.admin_key, url=system.url).returncode == 2


@in_one_world
def test_what_would_lock_the_caller_out_is_done_if_it_is_forced(system: System) -> None:
    own, secret = system.create_key("admin", name="Own")
    refused = grillo("keys", "suspend", own, key=secret, url=system.url)
    assert (refused.returncode, "it would suspend the calling key" in refused.stderr) == (1, True)
    listed = grillo(
        "keys", "revoke-many", "--created-before", "2100-01-01T00:00:00Z", "--yes", key=secret, url=system.url
    )
    assert (listed.returncode, "no admin key left" in listed.stderr) == (1, True)
    assert grillo("keys", "suspend", own, "--force", key=secret, url=system.url).returncode == 0
    assert grillo("keys", "list", key=secret, url=system.url).returncode == 1


@in_one_world
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
