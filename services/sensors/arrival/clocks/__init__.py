"""Clocks of devices as they are kept: hulls, rates and lines of each era, which grow as records arrive.

Start reading at era_clock.py, then clock_rows.py (SQL) and read_ahead.py (of many sensors at once).
"""
