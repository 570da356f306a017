"""Soundness of a data folder: what `grillo up` looks at before it serves, and `grillo audit verify` at any time.

Begin with `folder_check.py`, which says what is looked at in which order.
"""
