"""A secret that leaked and was rotated away: who sends it is refused by its reason, and its owner learns of it."""

from tests.e2e.running import System, eventually

TRIES = 30


def test_its_owner_is_told_that_it_is_still_sent_from_where_and_how_often(system: System) -> None:
    key_id, leaked = system.create_key("sensors:read")
    with system.admin() as admin, system.client(leaked) as thief:
        rotated = admin.post(f"/v1/keys/{key_id}/rotate", json={}).json()
        refusals = [thief.get("/v1/sensors") for _ in range(TRIES)]
        assert {(one.status_code, one.json()["type"].rsplit("/", 1)[1]) for one in refusals} == {(401, "key-rotated")}

        alerts = {"key_id": key_id, "kind": "dead-key-used"}
        (alert,) = eventually(lambda: admin.get("/v1/alerts", params=alerts).json()["data"], bool)
        hint = f"{leaked[:8]}…{leaked[-4:]}"
        assert (alert["facts"]["problem"], alert["facts"]["secret_hint"]) == ("key-rotated", hint)
        assert alert["facts"]["address"] == "127.0.0.1"

        def tries() -> list[dict[str, object]]:
            path = f"/v1/keys/{key_id}/activity"
            entries = admin.get(path, params={"secret_hint": hint, "limit": 100}).json()["data"]
            return [entry["request"] for entry in entries]

        shown = eventually(tries, lambda all_: sum(int(str(one["requests"])) for one in all_) == TRIES)
        assert {(one["problem"], one["address"]) for one in shown} == {("key-rotated", "127.0.0.1")}
    with system.client(rotated["key"]) as owner:
        assert owner.get("/v1/sensors").status_code == 200
