"""Evidence asked for at internal doors: where a log ends, signed."""
