"""Read models and queries: keys and organisations as they are now, as they were, and what happened to them.

The rows are written in the transaction that appends the event, so a read after a command shows its effect; they can
be dropped and rebuilt from the log. Start with queries.py for reading, projection.py for writing.
"""
