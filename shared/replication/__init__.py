"""Log replication: one service's log is published, and others follow it, each event exactly once in effect.

The broker may lose, repeat or reorder: followers pull what they miss. Start with subscription.py (following a log),
then relay.py (publishing one) and feed.py (what is pulled).
"""
