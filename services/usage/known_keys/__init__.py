"""What usage knows of keys: whose a key is, from its own copy of the log, and what the keys service answers over RPC.

Start reading at directory.py. The copy is written in services/usage/key_events.py.
"""
