"""Alerts: each raised once, kept open while its rule is met, then resolved; with the events that announce it.

Start reading at alert_lifecycle.py.
"""
