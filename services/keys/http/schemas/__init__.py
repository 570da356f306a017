"""Schemas of the management API: the members of a key, bodies, queries and answers.

Strict: unknown members and parameters are refused by name.
"""
