"""Exports: long ranges of recordings as one file, made in the background and kept for a day.

Start reading at export.py and export_store.py; making/ has the child processes, http/ what callers see.
"""
