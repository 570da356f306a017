"""Sealing: arrived rows become immutable files, hour by hour; and what keeps files and index in step.

Start reading at sealer.py.
"""
