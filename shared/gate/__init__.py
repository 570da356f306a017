"""API gate in front of every HTTP resource: authentication, grants, verdict, quota, metering, in this order.

It decides from memory: a warm request needs no database and no RPC. When its grants may be out of date it refuses
everything. Start with gate.py (one request's way); gate_process.py runs what a gate needs.
"""
