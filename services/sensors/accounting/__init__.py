"""Accounting: what became of every sample offered. New, repeated, differing or rejected, and nothing besides.

account.py has the sums, identity.py judges a run of samples against those stored. Pure.
"""
