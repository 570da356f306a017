"""Recordings as they are given out: JSON, CSV, miniSEED and SAC of one range, many ranges at once, and what there is.

Start reading at reading.py; what callers see is in http/.
"""
