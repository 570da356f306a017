"""Revocation receipts: how the service knows that no gate still accepts a key that was revoked.

Guarantee: when a revocation is answered, every gate has applied it or has lost its lease. Start with propagation.py,
whose docstring has the argument. What such a key began before is refused where it is committed: fence.py.
"""
