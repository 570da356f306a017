"""Commands for operators on the host: they open a service's database themselves, and need no key.

Each works on a data folder or on DATABASE_URL, also while the services run. `databases.py` says which; begin there.
"""
