"""Resources of the caller's own organisation: its settings, and the activity of all its keys."""
