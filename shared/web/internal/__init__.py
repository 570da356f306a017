"""Resources of the internal door that more than one service has, beside those of every service (internal_api.py)."""
