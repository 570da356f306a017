"""Connections to a database, as each of the two kinds needs them made and begun."""
