"""Callers: as many requests as a server takes (wrk), or as many a second as is said (paced)."""
