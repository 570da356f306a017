"""Lists of a thousand sensors in pages of a hundred: `python -m benchmarks.sensor_lists`, one web worker, SQLite.

Processor time a request through the whole WSGI application (gate, both quota windows, meter, handler, tag), without the
server's own: read anew, from a page at most a second old, and as 304. A machine that is shared changes it little.
"""

import io
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from services.sensors import tables
from services.sensors.http import recent_pages
from shared.runtime.garbage import look_seldom_for_garbage
from tests.gate_examples import ORGANISATION, secret
from tests.integration.sensors.recordings.scene import KEY, Scene, scene

SENSORS, LIMIT, AXES = 1000, 100, ("HNZ", "HNE", "HNN")
ROUNDS, ASKED = 5, 150
READ_PER_SECOND, KEPT_PER_SECOND = 300, 2000
_BEARER = f"Bearer {secret(KEY)}"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        here = scene(Path(name))
        _register(here)
        pages = [f"limit={LIMIT}&page={page}" for page in range(1, SENSORS // LIMIT + 1)]
        _, headers, body = _ask(here, pages[3])
        look_seldom_for_garbage()
        print(f"{SENSORS} sensors of {len(AXES)} channels, a page of {LIMIT}: {len(body):,} bytes")

        kept_seconds, recent_pages.KEPT_SECONDS = recent_pages.KEPT_SECONDS, -1.0
        _show("read anew", _measured(here, pages), READ_PER_SECOND)
        recent_pages.KEPT_SECONDS = kept_seconds
        _show("from a page at most a second old", _measured(here, pages), KEPT_PER_SECOND)
        tagged = {"HTTP_IF_NONE_MATCH": headers["etag"]}
        assert _ask(here, pages[3], tagged)[0].startswith("304")
        _show("as 304", _measured(here, [pages[3]], tagged), KEPT_PER_SECOND)
        here.database.close()


def _register(here: Scene) -> None:
    sensors = [
        {"id": f"sen_{number:022}", "organisation_id": ORGANISATION, "network": "XX", "station": f"{number:05}"}
        | {"name": f"Sensor {number}", "unit": "counts", "latitude": 16.5, "longitude": -98.5, "elevation_m": 10.0}
        | {"created_us": 1_700_000_000_000_000}
        for number in range(SENSORS)
    ]
    channels = [
        {"sensor_id": sensor["id"], "axis": f"00.{code}", "location_code": "00", "code": code}
        | {"sample_rate_hz": 100.0, "last_sample_ns": 1_700_000_000_000_000_000, "sealing_until_us": 0}
        for sensor in sensors
        for code in AXES
    ]
    with here.database.transaction() as tx:
        tx.execute(insert(tables.sensor), sensors)
        tx.execute(insert(tables.channel), channels)


def _measured(here: Scene, pages: list[str], headers: Any = None) -> float:
    """Milliseconds of processor a request: the median of rounds, in each of which every page is asked for."""
    rounds = []
    for _ in range(ROUNDS):
        spent = 0.0
        here.replica.pull()
        here.clock.advance(61)  # the minute's quota is not what is measured
        here.replica.pull()
        for page in pages:  # once a second each is read anew, which is measured by itself
            _ask(here, page, headers)
        for number in range(ASKED):
            began = time.process_time()
            status, _, _ = _ask(here, pages[number % len(pages)], headers)
            spent += time.process_time() - began
            assert status[:3] in ("200", "304"), status
        rounds.append(spent * 1000 / ASKED)
    return statistics.median(rounds)


def _ask(here: Scene, query: str, headers: Any = None) -> tuple[str, dict[str, str], bytes]:
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/v1/sensors",
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(),
        "HTTP_AUTHORIZATION": _BEARER,
        **(headers or {}),
    }
    app: Any = here.client.app
    body = b"".join(app(environ, lambda status, named, *_: told.extend((status, named))))
    return told[0], {name.lower(): value for name, value in told[1]}, body


def _show(what: str, milliseconds: float, target: int) -> None:
    per_second = 1000 / milliseconds
    verdict = "met" if per_second >= target else "missed"
    print(f"{what:34} {milliseconds:6.2f} ms of processor: {per_second:7,.0f}/s; target {target:,}/s: {verdict}")


if __name__ == "__main__":
    main()
