"""Configuration of sensors over HTTP: shown, changed by a merge patch, and its history."""
