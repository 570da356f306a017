"""The pictures of docs/dashboards.md: `python -m docs.pictures.dashboards [--minutes 4]`, as root or not.

All of docker-compose.yml on private servers, with a Prometheus beside it; six hundred keys ask at auth's gate, and
callers read, create and revoke keys, and try revoked ones, until each dashboard has something to show.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.loads.paced import PacedLoad
from benchmarks.loads.whole_system import DOOR, await_admission, made_keys, services
from benchmarks.loads.wrk import write_headers
from ops.grafana.dashboards import DASHBOARDS
from ops.grafana.pictures import Source, draw
from tests.e2e.running import System
from tests.faults.load import Load
from tests.prometheus import Prometheus

FOLDER = Path(__file__).parent
PER_SECOND = 100
DAY_LIMITS = (30, 40, 60, 100, 200)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m docs.pictures.dashboards")
    asked.add_argument("--minutes", type=float, default=4)
    minutes = asked.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, ExitStack() as each:
        running, address = services(Path(name), each)
        watching = each.enter_context(closing(Prometheus(Path(name), running.stack)))
        keys, door = made_keys(running), address + DOOR
        keys += [_key_for_a_day(running, limit) for limit in DAY_LIMITS]
        await_admission(door, keys[-1])
        headers = write_headers(Path(name) / "headers", (f"Bearer {key}" for key in keys))
        load = PacedLoad(headers, PER_SECOND, minutes * 60, [door])
        each.callback(load.stop)
        with Load(running, seed=1):
            time.sleep(minutes * 60)
            source = Source(watching.url, minutes)
            for one in DASHBOARDS:
                (FOLDER / f"{one.uid}.png").write_bytes(draw(one, source))


def _key_for_a_day(running: System, limit: int) -> str:
    with running.admin() as admin:
        body = {"name": "For a day", "permissions": ["sensors:read"], "limits": {"day": limit}}
        secret: str = admin.post("/v1/keys", json=body).raise_for_status().json()["key"]
    return secret


if __name__ == "__main__":
    main()
