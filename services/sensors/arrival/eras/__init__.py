"""Which era of its device's clock each arriving record is of. Begin with assignment.py."""
