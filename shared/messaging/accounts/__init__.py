"""Accounts on the broker: each service publishes under its own, and believes others as far as theirs go.

Start at rules.py (who may say what), then admission.py (what becomes of a message that somebody else said).
"""
