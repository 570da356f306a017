"""Dead secrets: digests of secrets that were ended, kept whatever becomes of the log, so that none works again.

Start with ending.py: which secrets an event ends, and what a grant may be that has one of them.
"""
