"""Counters of requests by key and organisation, by minute, hour and day; and the statistics read from them.

They are sums that do not depend on the order of requests, so a rebuild gives the same rows. Start reading at
counters.py; statistics.py is what the API shows.
"""
