"""NoSuchItem: base class of the stores' "not found" errors, for rules, channels and deliveries.

http/problem_mapping.py turns it into the problem `not-found`.
"""


class NoSuchItem(Exception):
    """There is no such item in this organisation: the id is unknown, deleted or another organisation's."""
