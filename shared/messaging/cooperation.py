"""eventlet monkey patching: greenlets instead of threads, as nameko needs, also while psycopg waits for a database.

Compiled psycopg waits in C, where no greenlet gives way: one slow query would hold up every other call of its process,
and the heartbeats that keep its connections to RabbitMQ.
"""

import os

import eventlet


def cooperate() -> None:
    """Before anything else is imported: all must find sockets, locks, threads and waiting already patched."""
    eventlet.monkey_patch()
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"  # psycopg's own word for how it waits, read at its import
