"""Request log: every metered request, kept append-only for the retention time, by UTC day.

Start reading at request_log.py.
"""
