"""Permissions of an API key: the names that keys, gates and the proxies of other services share."""

PERMISSIONS = ("sensors:read", "events:read", "config:write", "admin")
# As the product's public pages write them, too. Taken wherever a permission is given, never answered.
ALIASES = {
    "read:sensors": "sensors:read",
    "read:networks": "sensors:read",
    "read:events": "events:read",
    "write:sensors": "config:write",
    "write:networks": "config:write",
}
