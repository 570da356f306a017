"""Divergence: a log that was put back to before what its followers have seen, and what an operator accepts of it.

The judgement itself is pure: shared/eventsourcing/continuation.py. Start with divergence_watch.py, which the feed asks.
"""
