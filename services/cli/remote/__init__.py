"""Commands that talk to a server over HTTP, with the key of the environment: all that an API key may do.

`client.py` makes the calls and turns problems into one line; begin there.
"""
