"""The keys service: the life of API keys, and of the organisations that hold them.

Event-sourced: every change is an event in this service's log, and the tables that lists show are made from it. Start
with api.py (HTTP) or service.py (messages); `docs/follow-a-command.md` walks through a revocation file by file.
"""
