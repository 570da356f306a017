"""Writing of catalogues: seismic events as CSV, QuakeML 1.2 and KML 2.2, in pieces, so that any number takes no memory.

Each module is one form: `CONTENT_TYPE`, and a function from events to pieces of bytes.
"""
