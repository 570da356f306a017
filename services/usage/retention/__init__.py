"""Retention times and erasure: what is deleted after a time, and what is erased when a key is deleted.

Counters outlive requests, and erasure never changes a count. Start reading at retention.py.
"""
