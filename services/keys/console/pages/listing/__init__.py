"""List of keys: what its URL asks for (list_query.py), its page and the part that is polled (list_page.py), badges of a
key (badges.py), a day in a line (day_line.py), and the revocation of many keys at once (bulk_page.py).
"""
