"""The auth service: the grants that gates decide by, each tier's limits, and verdicts for other back ends.

It follows the log of keys and holds no secret, only digests. Start with grants.py; api.py is forward-auth for proxies,
service.py answers over RPC.
"""
