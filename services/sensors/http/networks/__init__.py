"""HTTP resources of networks, and their schemas."""
