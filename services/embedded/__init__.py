"""All four services in one process: the composition root behind `grillo up`, its server and its data folder.

The same code as apart, on SQLite and a bus in memory. Begin with `system.py`.
"""
