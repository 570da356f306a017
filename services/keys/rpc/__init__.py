"""The keys service over RPC: the commands that other back ends may call, the schemas of arguments and answers, and what
it asks of sensors itself.

No secret crosses the broker: keys are created and rotated over HTTP only. Start with remote_commands.py.
"""
