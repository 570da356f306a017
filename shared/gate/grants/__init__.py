"""Grants: what each API key may do, replicated into the memory of every web process, with a lease on freshness.

A key whose events cannot be applied is refused. Start with grant.py (one grant and how events change it), then
replica.py (how it is kept current).
"""
