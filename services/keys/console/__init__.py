"""The console: pages by which people manage their organisation's keys. A third door of keys, without a gate.

`sessions` decides who is signed in.
"""
