"""The gate over HTTP beside its peers, one worker process each, 50,000 keys in turn: requests a second, and ratios.

Plain: the same Granian and Falcon with no gate. Gated: a real web process of sensors, counting in memory, with all its
checks, both quota windows, the meter and its threads, compiled as in the image; keys, auth and usage run beside it.
Envoy with api_key_auth and local_ratelimit, alone and before plain. DRF with djangorestframework-api-key and throttles.
FastAPI with keyshield, 50 keys, without limits. The server has a core to itself; wrk and all surroundings share the
other. `python -m benchmarks.gate_over_http --rounds 2 --seconds 3` is a short form, of three minutes.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks.contenders import cores
from benchmarks.contenders.answer import BODY, PATH
from benchmarks.contenders.drf import drf
from benchmarks.contenders.envoy import EnvoyBefore, envoy
from benchmarks.contenders.gated import surroundings
from benchmarks.contenders.grants import add_grants
from benchmarks.contenders.keyshielded import keyshield
from benchmarks.contenders.plain import plain
from benchmarks.contenders.server import Server
from benchmarks.loads.rounds import Contender, compare, run_rounds, show
from benchmarks.loads.wrk import write_headers
from tests import local_http

KEYS, ROUNDS, SECONDS = 50_000, 5, 5
_TARGETS = (
    ("gated", "plain", 0.75),
    ("gated", "envoy+application", 2.5),
    ("gated", "envoy", 0.9),
    ("gated", "DRF", 15.0),
    ("gated", "keyshield", None),
)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.gate_over_http")
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--seconds", type=int, default=SECONDS, help="of each contender in each round")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        around = closing.enter_context(surroundings(folder))
        cores.keep_off_the_measured()
        secrets = add_grants(around.databases["auth"], "org_benchmark", "standard", KEYS)
        bearers = write_headers(folder / "headers", (f"Bearer {secret}" for secret in secrets))
        contenders = []

        def contend(server: Server, headers: Path) -> None:
            closing.enter_context(server)
            contenders.append(Contender(name=server.name, server=server, url=server.url + PATH, headers=headers))

        contend(plain(folder), bearers)
        contend(around.gate("gated"), bearers)
        contend(around.gate("not compiled", is_compiled=False), bearers)
        contend(envoy(folder, secrets), bearers)
        contend(EnvoyBefore(folder, secrets, plain(folder, "application")), bearers)
        contend(*keyshield(folder, around.postgres))
        contend(*drf(folder, around.postgres, KEYS))
        _check_answers(contenders)
        figures = run_rounds(contenders, rounds=given.rounds, seconds=given.seconds)
        show(figures)
        for one, other, target in _TARGETS:
            compare(figures, one, other, target)


def _check_answers(contenders: list[Contender]) -> None:
    """All give the same body, and about as many bytes of headers; without a key only the plain one does."""
    for contender in contenders:
        with contender.headers.open() as headers:
            first = headers.readline().strip()
        answer = local_http.get(contender.url, headers={"Authorization": first})
        assert (answer.status_code, answer.content) == (httpx.codes.OK, BODY), f"{contender.name}: {answer.text}"
        without = local_http.get(contender.url).status_code
        assert (without == httpx.codes.OK) is (contender.name == "plain"), f"{contender.name}: {without}"
        size = len(answer.content) + sum(len(key) + len(value) + 4 for key, value in answer.headers.items())
        print(f"{contender.name:24}{size} bytes, headers {', '.join(sorted(answer.headers))}")


if __name__ == "__main__":
    main()
