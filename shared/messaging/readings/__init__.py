"""Readings: what bridges of devices publish, live, and how a service takes it: in batches, acknowledged once durable.

Start reading at exchange.py (the names), then entrypoint.py.
"""
