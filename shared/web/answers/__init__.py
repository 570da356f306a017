"""Encoding of answers, after they were made: compression. Start with compression.py."""
