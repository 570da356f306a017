"""`grillo events`: catalogues of seismic events, on the host."""
