"""JSON merge patch (RFC 7396): how a PATCH is merged, and which members of an answer it may send back.

Start with merging.py.
"""
