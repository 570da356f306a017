"""HTTP resources of exports: asked for, listed, looked at and downloaded."""
