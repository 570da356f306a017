"""Arrival: what was read or received is dated, judged and stored, each record in one transaction with its account.

Start reading at device_arrival.py (records with a device's clock), then time_arrival.py (files that have only times).
"""
