"""Consumers: how messages are taken from queues, and given to what handles them.

Start at queue_consumer.py (the loop), then batches.py (what waits is taken at once).
"""
