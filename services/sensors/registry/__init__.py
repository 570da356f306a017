"""Registry: the sensors that there are, from their events, and what of them a caller may see.

Start reading at sensor.py (pure), then queries.py.
"""
