"""Restoring: what an operator accepts when the log of keys was put back, and what is ended again with it.

Start with acceptance.py. losses.py and endings.py are pure: what was lost, and what must not live again.
"""
