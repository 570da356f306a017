"""Value types and conversions that everything may use: timestamps, ids, IP addresses, permissions.

This room imports nothing else of grillo. Start with timestamps.py.
"""
