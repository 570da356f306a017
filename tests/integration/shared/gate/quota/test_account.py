"""A gate's account in Redis may do what counting takes, and nothing else. That counting works is shown beside this."""

import pytest
import redis

from services.service_registry import SERVICES
from tests.servers import Redis

READS_ANOTHER = "return redis.call('GET', 'another')"
COUNTS = "redis.call('SET', KEYS[1], 1) return redis.call('GET', KEYS[1])"


def connected(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=10)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_an_account_that_may_run_a_script_on_the_quota_s_keys(
    redis_server: Redis, service: str
) -> None:
    with connected(redis_server.url_of(service)) as gate:
        assert gate.evalsha(gate.script_load(COUNTS), 1, "{grillo:quota}:account") == b"1"


@pytest.mark.parametrize(
    "command",
    [
        "ACL LIST",
        "ACL SETUSER keys allkeys",
        "CLIENT LIST",
        "CONFIG GET *",
        "CONFIG SET maxmemory 1",
        "DEL another",
        "FLUSHALL",
        "FLUSHDB",
        "FUNCTION LIST",
        "GET another",
        "KEYS *",
        "MONITOR",
        "PUBLISH channel message",
        "REPLICAOF 127.0.0.1 1",
        "SAVE",
        "SCAN 0",
        "SCRIPT FLUSH",
        "SET {grillo}:quota 1",
        "SHUTDOWN NOSAVE",
        "SUBSCRIBE channel",
    ],
)
def test_whatever_else_there_is_is_refused(redis_server: Redis, command: str) -> None:
    with connected(redis_server.url) as gate, pytest.raises(redis.exceptions.NoPermissionError):
        gate.execute_command(*command.split())


def test_a_script_may_no_more_than_its_caller(redis_server: Redis) -> None:
    with connected(redis_server.url) as gate, pytest.raises(redis.exceptions.ResponseError, match="can't access"):
        gate.evalsha(gate.script_load(READS_ANOTHER), 0)


def test_nobody_gets_in_without_an_account(redis_server: Redis) -> None:
    for userinfo in ("", ":guessed@", "default:guessed@", "keys:guessed@"):
        stranger = connected(f"redis://{userinfo}127.0.0.1:{redis_server.port}/0")
        with stranger, pytest.raises(redis.exceptions.AuthenticationError):
            stranger.get("{grillo:quota}:record")


def test_the_probe_learns_that_redis_answers_and_no_more(redis_server: Redis) -> None:
    with connected(f"redis://probe:any@127.0.0.1:{redis_server.port}/0") as probe:
        assert probe.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            probe.get("{grillo:quota}:record")
