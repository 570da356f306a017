"""The chain of hashes beside the log itself: what of it is remembered where it was written."""
