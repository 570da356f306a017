"""HTTP of seismic events: the list, one with its details, and exports."""
