"""Timing: when samples of a device were taken, from its own clock and the delays of its messages.

Start reading at hull.py (what is kept of a clock), then line.py (the time it gives) and eras.py (when it was set).
Pure: integer nanoseconds in and out, no clock, no database.
"""
