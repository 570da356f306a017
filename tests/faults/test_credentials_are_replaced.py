"""Every credential is replaced under load, service by service: the old ones stop, new ones work, no request is lost."""

import secrets
from dataclasses import dataclass, field

import httpx
import kombu
import psycopg
import pytest
import redis as redis_client
from amqp.exceptions import AccessRefused
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from shared.replication.feed import FeedUnavailable
from shared.replication.heads.head_keeper import remote_head
from shared.replication.http_feed import HttpFeed
from shared.replication.internal_client import InternalClient
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from shared.values.accounts import PROMETHEUS
from shared.web.requests.internal_callers import digest_of_token
from tests import local_http
from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually
from tests.faults.load import Load, await_each_counted_once
from tests.servers import RabbitMq, Redis
from tests.stack import Stack

SERVICES = ("keys", "auth", "usage", "sensors")
SIGNING = ("KEYS", "AUTH", "SENSORS")
pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(900)]


@dataclass(kw_only=True)
class New:
    """What the operator has made, before anything is replaced."""

    tokens: dict[str, str] = field(
        default_factory=lambda: {name: secrets.token_hex(24) for name in (*SERVICES, PROMETHEUS)}
    )
    private_keys: dict[str, str] = field(default_factory=lambda: {name: new_private_key() for name in SIGNING})
    sealing_key: str = field(default_factory=lambda: secrets.token_hex(24))

    def token_digests(self) -> str:
        return ",".join(f"{name}:{digest_of_token(token)}" for name, token in self.tokens.items())

    def public_key(self, name: str) -> str:
        return Signer(self.private_keys[name]).public_key


def test_old_credentials_stop_and_new_ones_work_and_no_request_is_lost(
    running: Distributed, broker: RabbitMq, redis: Redis
) -> None:
    stack, new = running.stack, New()
    old = {name: stack.settings(name) for name in SERVICES}
    old_prometheus = stack.secrets["PROMETHEUS_INTERNAL_TOKEN"]
    with running.admin() as admin:
        hook = {"kind": "webhook", "url": "http://127.0.0.1:9/"}
        assert admin.post("/v1/channels", json=hook).status_code == httpx.codes.CREATED
    with Load(running, seed=42) as ledger:
        eventually(lambda: len(ledger.answered), lambda answered: answered > 20)
        for service in SERVICES:
            stack.restart(service, **_both(old[service], new))
        stack.secrets["PROMETHEUS_INTERNAL_TOKEN"] = new.tokens[PROMETHEUS]  # both are believed now
        redis.replace_passwords()
        for service in SERVICES:
            password = secrets.token_hex(12)
            broker.replace_password(service, password)
            stack.restart(
                service,
                DATABASE_URL=_second_account(stack, stack.databases()[service]),
                REDIS_URL=redis.url_of(service),
                AMQP_URI=old[service]["AMQP_URI"].replace(f"//{service}:{service}@", f"//{service}:{password}@"),
                INTERNAL_TOKEN=new.tokens[service],
                **{f"{name}_SIGNING_KEY": new.private_keys[name] for name in SIGNING if name.lower() == service},
            )
        resealed = stack.grillo("usage", "channels", "reseal")
        assert resealed.stdout == "1 secrets sealed anew.\n", resealed.stderr
        for service in SERVICES:
            stack.restart(service, **_only_new(old[service], new))
            _end_account(stack, old[service]["DATABASE_URL"])
        before = len(ledger.answered)
        stack.wait_until_ready()  # with every gate counting in Redis again
        eventually(lambda: len(ledger.answered), lambda answered: answered > before + 20)

    assert ledger.admitted_after_receipt == []
    # 429: on shares of the limits, while Redis starts anew and a minute after.
    assert ledger.statuses.keys() <= {200, 429, 503}, ledger.statuses
    log = Log(stack.databases())
    await_each_counted_once(log, ledger)
    log.close()
    assert stack.grillo("usage", "channels", "reseal").stdout == "0 secrets sealed anew.\n"
    verified = stack.grillo("keys", "audit", "verify", "keys")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    _assert_stopped(stack, old, new)
    for token, status in ((old_prometheus, 401), (new.tokens[PROMETHEUS], 200)):
        assert {_asked(stack.internal_url(service), "/metrics", token) for service in SERVICES} == {status}
    for service in SERVICES:
        _assert_owner_is_replaced(stack, service)


def _both(old: dict[str, str], new: New) -> dict[str, str]:
    """Settings that believe the old and the new; each still presents the old."""
    return {
        "INTERNAL_TOKENS": f"{old['INTERNAL_TOKENS']},{new.token_digests()}",
        **{f"{name}_VERIFY_KEYS": f"{old[f'{name}_VERIFY_KEYS']},{new.public_key(name)}" for name in SIGNING},
        **_sealing(old, f"{new.sealing_key},{old.get('CHANNEL_SECRETS_KEY')}"),
    }


def _only_new(old: dict[str, str], new: New) -> dict[str, str]:
    return {
        "INTERNAL_TOKENS": new.token_digests(),
        **{f"{name}_VERIFY_KEYS": new.public_key(name) for name in SIGNING},
        **_sealing(old, new.sealing_key),
    }


def _sealing(old: dict[str, str], keys: str) -> dict[str, str]:
    return {"CHANNEL_SECRETS_KEY": keys} if "CHANNEL_SECRETS_KEY" in old else {}


def _second_account(stack: Stack, first_url: str) -> str:
    """Another role that becomes the first when it logs in: both work, and what they make belongs to neither alone."""
    url, password = make_url(first_url), secrets.token_hex(12)
    names: dict[str, sql.Composable] = {
        "first": sql.Identifier(url.username or ""),
        "second": sql.Identifier(f"{url.username}_b"),
        "password": sql.Literal(password),
    }
    with psycopg.connect(stack.postgres.address(), autocommit=True) as connection:
        for statement in (
            "CREATE ROLE {second} LOGIN PASSWORD {password} IN ROLE {first}",
            "ALTER ROLE {second} SET role = {first}",
        ):
            connection.execute(sql.SQL(statement).format(**names))
    return url.set(username=f"{url.username}_b", password=password).render_as_string(hide_password=False)


def _end_account(stack: Stack, url: str) -> None:
    name = sql.Identifier(make_url(url).username or "")
    with psycopg.connect(stack.postgres.address(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))


def _assert_owner_is_replaced(stack: Stack, service: str) -> None:
    """No process of the service holds that account: `grillo migrate` alone logs in with it."""
    old = stack.service_databases[service].owner_url
    new = _second_account(stack, old)
    _end_account(stack, old)
    _assert_may_not_log_in(old)
    owner = Database(new)
    with owner.transaction() as tx:
        tx.execute(text("CREATE TABLE of_a_migration ()"))
        assert tx.execute(text("SELECT current_user")).scalar_one() == make_url(old).username
    owner.close()


def _assert_may_not_log_in(url: str) -> None:
    with pytest.raises(OperationalError, match="not permitted to log in"), Database(url).reading():
        pass


def _asked(door: str, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return local_http.get(f"{door}{path}", headers=headers, timeout=30).status_code


def _assert_stopped(stack: Stack, old: dict[str, dict[str, str]], new: New) -> None:
    for service, environment in old.items():
        _assert_may_not_log_in(environment["DATABASE_URL"])
        gate = redis_client.Redis.from_url(environment["REDIS_URL"])
        with gate, pytest.raises(redis_client.exceptions.AuthenticationError):
            gate.get("{grillo:quota}:record")
        with pytest.raises(AccessRefused), kombu.Connection(environment["AMQP_URI"]) as connection:
            connection.connect()
        for token, status in ((environment["INTERNAL_TOKEN"], 401), (new.tokens[service], 200)):
            assert _asked(stack.internal_url("keys"), "/internal/feed?events=1", token) == status
    door, clock = InternalClient(stack.internal_url("keys"), new.tokens["sensors"]), SystemClock()
    assert HttpFeed(door, clock, verifier=Verifier([new.public_key("KEYS")])).pull(None).events
    with pytest.raises(FeedUnavailable):
        HttpFeed(door, clock, verifier=Verifier([old["sensors"]["KEYS_VERIFY_KEYS"]])).pull(None)
    head = remote_head(InternalClient(stack.internal_url("sensors"), new.tokens["auth"]))()
    assert head is not None
    assert head.is_signed(Verifier([new.public_key("SENSORS")]))
    assert not head.is_signed(Verifier([old["auth"]["SENSORS_VERIFY_KEYS"]]))
