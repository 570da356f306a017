"""While one greenlet waits for PostgreSQL the others of its process go on: a slow query is nobody else's matter."""

import json
import subprocess
import sys

from tests.servers import Postgres

TICKING_WHILE_TWO_WAIT = """
from shared.messaging.eventlet_patching import cooperate
cooperate()
import json, socket, sys
import eventlet
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from shared.sql.database import Database

ticks = []

def tick():
    while True:
        ticks.append(0)
        eventlet.sleep(0.01)

def ask():
    with Database(sys.argv[1]).reading() as tx:
        tx.execute(text("SELECT pg_sleep(1)"))

def connect():
    with socket.create_server(("127.0.0.1", 0)) as silent, Database(
        f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing?connect_timeout=2"
    ).reading():
        pass

eventlet.spawn(tick)
told = []
for wait in (ask, connect):
    ticks.clear()
    try:
        wait()
    except OperationalError:
        pass
    told.append(len(ticks))
print(json.dumps(told))
"""


def test_who_waits_for_an_answer_or_a_connection_lets_the_others_go_on(postgres: Postgres) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TICKING_WHILE_TWO_WAIT, str(postgres.new_database())],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    asking, connecting = json.loads(done.stdout)
    assert asking > 1
    assert connecting > 1
