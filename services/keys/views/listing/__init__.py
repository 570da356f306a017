"""Lists of keys: which keys are wanted (key_filter.py), in which order, and where a page ends (key_order.py)."""
