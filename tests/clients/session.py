"""One session with the generated Python client, which is on the path as `grillo_client`."""

import os

from grillo_client import AuthenticatedClient
from grillo_client.api.keys import create_key, get_key, get_own_key, list_keys, revoke_key, rotate_key, update_key
from grillo_client.api.sensors import list_sensors
from grillo_client.models import CreateKey, CreateKeyPermissionsItem, EditKey, RevokeKey, RotateKey
from grillo_client.types import UNSET


def client(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["GRILLO_URL"], token=key)


admin = client(os.environ["GRILLO_API_KEY"])
made = create_key.sync_detailed(
    client=admin, body=CreateKey(name="From Python", permissions=[CreateKeyPermissionsItem.READSENSORS])
)
assert made.status_code == 201, made.content
created = made.parsed
other = create_key.sync(
    client=admin, body=CreateKey(name="From Python", permissions=[CreateKeyPermissionsItem.READSENSORS])
)
assert created.permissions == ["sensors:read"]
shown = get_key.sync_detailed(created.id, client=admin)
tag = shown.headers["ETag"]
assert int(shown.headers["X-RateLimit-Remaining"]) > 0
change = EditKey(description="changed")
changed = update_key.sync_detailed(created.id, client=admin, body=change, if_match=tag)
assert changed.parsed.description == "changed", changed.content
stale = update_key.sync_detailed(created.id, client=admin, body=EditKey(description="lost"), if_match=tag)
assert (stale.status_code, stale.parsed.error.code) == (412, "precondition_failed")

rotated = rotate_key.sync(created.id, client=admin, body=RotateKey())
mine = client(rotated.key)
assert get_own_key.sync(client=mine).id == created.id
assert len(list_sensors.sync(client=mine, limit=1).data) == 1
assert list_keys.sync_detailed(client=mine).status_code == 403

seen, cursor = [], UNSET
while cursor is not None:
    page = list_keys.sync(client=admin, limit=1, q="From Python", cursor=cursor)
    seen += [key.id for key in page.data]
    cursor = page.next_cursor
assert seen == [other.id, created.id]

assert revoke_key.sync(created.id, client=admin, body=RevokeKey()).status.value == "revoked"
revoke_key.sync(other.id, client=admin, body=RevokeKey())
refused = get_own_key.sync_detailed(client=mine)
assert (refused.status_code, refused.parsed.error.code) == (401, "unauthorized")
print("done")
