"""Pages of the organisation's networks and their sensors, as the sensors service tells of them."""
