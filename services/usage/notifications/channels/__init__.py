"""Channels as they are stored, and the encryption of their webhook secrets.

Start reading at channel_store.py.
"""
