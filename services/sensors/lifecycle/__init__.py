"""The life of a sensor after its registration: its deletion, with all that was recorded of it."""
