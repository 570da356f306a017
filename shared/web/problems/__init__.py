"""Problem types (RFC 9457): every error that an answer can be, in English, French and Spanish. Start with catalogue.py.

An answer's `type` names its problem for good; titles and advice may be worded better.
"""
