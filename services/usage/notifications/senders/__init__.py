"""Senders: one message to one webhook or one email address, within one deadline, answered by an Outcome.

Webhooks connect through an SSRF guard. Start reading at webhook_sender.py, then egress_guard.py.
"""
