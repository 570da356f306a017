"""The rules of keys and organisations: pure functions from state and command to events.

Nothing here reads a clock, a database or a random number, also not through its imports. Start with decision.py (what
may happen to a key), then key.py (its state).
"""
