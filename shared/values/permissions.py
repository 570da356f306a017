"""Permissions of an API key: the names that keys, gates and the proxies of other services share."""

PERMISSIONS = ("sensors:read", "events:read", "config:write", "admin")
