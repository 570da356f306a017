"""What a key may be allowed to do: the names that keys, gates and proxies in front of other services share."""

PERMISSIONS = ("sensors:read", "events:read", "config:write", "admin")
