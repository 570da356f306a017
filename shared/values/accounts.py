"""Accounts: the names by which the internal door knows who asks."""

# Each service asks with a token of its own; Prometheus with one that opens `/metrics` alone.
SERVICES = frozenset({"keys", "auth", "usage", "sensors"})
PROMETHEUS = "prometheus"
# Whoever has the one token of all services: it may ask everything, and nobody knows which service it is.
SHARED = "shared"
ACCOUNTS = SERVICES | {PROMETHEUS, SHARED}
