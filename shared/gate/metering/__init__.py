"""Metering: one record for each answered request, spooled on local disk and shipped to usage, counted exactly once.

A full disk is the one exception: requests are served, and those left out are counted. Start with meter.py.
"""
