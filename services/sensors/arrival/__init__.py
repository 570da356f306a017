"""Arrival: what was read or received, on its way into the store."""
