"""Concurrency limits: how many requests of a key are answered at the same time, summed over all gates.

A request that passes holds a slot until its answer is handed to the server. Start with slots.py (one gate, exact), then
held_slots.py (what one of many gates holds) and redis_slots.py (many gates).
"""
