"""The network's sensors, their recordings, and what was detected in them."""
