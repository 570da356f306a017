"""Epochs stated: what files, or people, say of a sensor's past takes effect on what is stored of it.

What an epoch is, is in registry/epoch.py; start reading at statements.py.
"""
