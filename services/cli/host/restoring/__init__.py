"""`grillo restore`: what an operator accepts when the log of keys was put back. Begin with restore.py."""
