"""Deliveries: queued, claimed with a lease, sent by a pool of threads, retried with backoff, listed and sent again.

Start reading at dispatcher.py; delivery_store.py is the queue in SQL.
"""
