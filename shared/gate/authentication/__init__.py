"""Authentication without look-ups: the API key that a request presents, and a throttle on guessed keys.

A key that cannot be one is refused by its checksum. Start with credential.py.
"""
