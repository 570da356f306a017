"""Alert rules: their kinds and parameters, the defaults of each organisation, and how they are stored.

Start reading at rule.py (pure).
"""
