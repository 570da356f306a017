"""The gate over HTTP beside its peers, one worker process each, 50,000 keys in turn: requests a second, and ratios.

Plain: the same Granian and Falcon with no gate. Gated: a real web process of sensors, in memory and on Redis, with all
its checks, both quota windows, the meter and its threads; keys, auth and usage run beside it. Envoy with api_key_auth
and local_ratelimit. DRF with djangorestframework-api-key and throttles. What bounds each is the server's core, which
nothing else is put on; wrk and all surroundings share the other.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks.contenders import cores
from benchmarks.contenders.answer import BODY, PATH
from benchmarks.contenders.drf import drf
from benchmarks.contenders.envoy import envoy
from benchmarks.contenders.gated import surroundings
from benchmarks.contenders.grants import add_grants
from benchmarks.contenders.plain import plain
from benchmarks.loads.rounds import Contender, compare, run_rounds, show
from benchmarks.loads.wrk import write_headers

KEYS, ROUNDS, SECONDS = 50_000, 5, 5
_TARGETS = (("gated", "plain", 0.8), ("gated", "envoy", 0.9), ("gated", "DRF", 15.0))


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as closing:
        folder = Path(name)
        around = closing.enter_context(surroundings(folder))
        cores.keep_off_the_measured()
        secrets = add_grants(around.stack.databases()["auth"], "org_benchmark", "standard", KEYS)
        bearers = write_headers(folder / "headers", (f"Bearer {secret}" for secret in secrets))
        servers = [
            plain(folder),
            around.gate("gated"),
            around.gate("gated on Redis", on_redis=True),
            envoy(folder, secrets),
        ]
        drf_server, drf_headers = drf(folder, around.postgres, KEYS)
        contenders = [Contender(name=s.name, server=s, url=s.url + PATH, headers=bearers) for s in servers]
        contenders.append(
            Contender(name=drf_server.name, server=drf_server, url=drf_server.url + PATH, headers=drf_headers)
        )
        for contender in contenders:
            closing.enter_context(contender.server)
        _check_answers(contenders)
        figures = run_rounds(contenders, rounds=ROUNDS, seconds=SECONDS)
    show(figures)
    for one, other, target in _TARGETS:
        compare(figures, one, other, target)
    compare(figures, "gated on Redis", "gated", 0.25)


def _check_answers(contenders: list[Contender]) -> None:
    """All give the same body, and about as many bytes of headers; without a key only the plain one does."""
    for contender in contenders:
        with contender.headers.open() as headers:
            first = headers.readline().strip()
        answer = httpx.get(contender.url, headers={"Authorization": first})
        assert (answer.status_code, answer.content) == (httpx.codes.OK, BODY), f"{contender.name}: {answer.text}"
        without = httpx.get(contender.url).status_code
        assert (without == httpx.codes.OK) is (contender.name == "plain"), f"{contender.name}: {without}"
        size = len(answer.content) + sum(len(key) + len(value) + 4 for key, value in answer.headers.items())
        print(f"{contender.name:24}{size} bytes, headers {', '.join(sorted(answer.headers))}")


if __name__ == "__main__":
    main()
