"""A revocation's note is readable where the revocation is shown, and gone with the key."""

from tests.integration.web.management import Management

NOTE = "found in a public repository"


def facts(api: Management, path: str) -> list[str | None]:
    entries = api.ask("GET", path).json["data"]
    events = [entry.get("lifecycle") or entry for entry in entries]
    return [event["facts"].get("note") for event in events if event.get("type") == "KeyRevoked"]


def test_the_note_is_in_details_and_activity_until_the_key_is_deleted(api: Management) -> None:
    created = api.create()
    revoked = api.ask("POST", f"/v1/keys/{created['id']}/revoke", json={"note": NOTE}).json
    key, past = (api.ask("GET", f"/v1/keys/{created['id']}", query_string=query).json for query in ("", "revision=2"))
    assert revoked["revocation_note"] == key["revocation_note"] == past["revocation_note"] == NOTE
    assert facts(api, f"/v1/keys/{created['id']}/activity") == facts(api, "/v1/organisation/activity") == [NOTE]
    api.ask("DELETE", f"/v1/keys/{created['id']}")
    assert facts(api, "/v1/organisation/activity") == [None]
