"""RPC between services: procedures that a service answers, calls to others, and the feed of a log by RPC.

Arguments and answers go through schemas, and errors keep their names. Begin with `procedures.py`.
"""
