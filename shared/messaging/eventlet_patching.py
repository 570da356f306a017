"""eventlet monkey patching: greenlets instead of threads, as nameko needs, also while psycopg waits for a database.

Compiled psycopg waits in C, where no greenlet gives way: one slow query would hold up every other call of its process,
and the heartbeats that keep its connections to RabbitMQ.
"""

import os

import eventlet


def cooperate() -> None:
    """Patches the standard library. To be called before any other import, so that all modules get the patched parts."""
    eventlet.monkey_patch()
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"  # psycopg's setting for how it waits, read at its import
