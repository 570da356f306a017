"""Signed heads of a log in other hands: a witness that keeps them, and those that are sent elsewhere and read again.

What is kept, and for how long, is in kept_heads.py; what is signed in signed_heads.py.
"""
