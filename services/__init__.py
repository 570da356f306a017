"""The four services, and the composition roots that put them into processes."""
