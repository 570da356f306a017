"""Event sourcing: an append-only, hash-chained log of events in a service's database, and commands that append to it.

Guarantees gapless positions, optimistic concurrency for each stream, and events that commit together with their read
model. Start with repository.py (how a command runs), then event_store.py (the log).
"""
