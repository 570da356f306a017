"""A webhook at real receivers: what is signed verifies, what is forbidden is not reached, and nobody holds us up."""

import ipaddress
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.usage.notifications.channels.secret_encryption import new_secret
from services.usage.notifications.delivery import Outcome
from services.usage.notifications.senders.egress_guard import EgressPolicy, Resolve, system_resolve
from services.usage.notifications.senders.webhook_sender import ANSWER_BYTES_MAX, WebhookSender
from shared.values.ip_addresses import network
from tests.receivers import HOST, Receiver, certificates, drip, hang, receiver, status

LOOPBACK = EgressPolicy(allowed=(network("127.0.0.0/8"),), allow_http=True)
SECRET, PAYLOAD = new_secret(), '{"type":"AlertRaised","data":{"é":1}}'


def names(**addresses: Sequence[str]) -> Resolve:
    """A resolver: host (with _ for .) → addresses."""

    def resolve(host: str, port: int) -> Sequence[str]:
        return addresses[host.replace(".", "_")]

    return resolve


def send(
    url: str,
    policy: EgressPolicy = LOOPBACK,
    *,
    secrets: Sequence[str] = (SECRET,),
    resolve: Resolve = system_resolve,
    seconds_max: float = 5,
    trusted: ssl.SSLContext | None = None,
) -> Outcome:
    sender = WebhookSender(policy, resolve=resolve, seconds_max=seconds_max, trusted=trusted)
    return sender.send(url, "msg_1", PAYLOAD, secrets, datetime.now(UTC))


def test_what_arrives_is_what_was_signed_and_verifies(tmp_path: Path) -> None:
    with receiver(status(204)) as hook:
        assert send(hook.url("/a?b=c")) == Outcome(delivered=True, status=204)
    (received,) = hook.received
    assert (received.path, received.headers["content-type"]) == ("/a?b=c", "application/json")
    assert Webhook(SECRET).verify(received.body, received.headers) == {"type": "AlertRaised", "data": {"é": 1}}
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body.replace("1", "2"), received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(received.body, received.headers)


def test_while_a_secret_replaces_another_receivers_that_know_either_can_verify() -> None:
    older = new_secret()
    with receiver(status(200)) as hook:
        send(hook.url(), secrets=(SECRET, older))
    (received,) = hook.received
    for secret in (SECRET, older):
        assert Webhook(secret).verify(received.body, received.headers)


FORBIDDEN = [
    "127.0.0.1",
    "127.9.9.9",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  where nothing is sent to
    "224.0.0.1",
    "255.255.255.255",
    "192.0.0.8",
    "198.18.0.1",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_not_connected_to_by_whatever_name(address: str) -> None:
    outcome = send(f"https://{HOST}/", EgressPolicy(), resolve=names(hooks_example_org=[address]))
    assert outcome == Outcome(delivered=False, fault=f"{HOST} is not on the public internet")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
def test_an_address_that_is_public_may_be_connected_to(address: str) -> None:
    assert EgressPolicy().allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    with receiver(status(200)) as hook:
        outcome = send(f"http://{host}:{hook.port}/", EgressPolicy(allow_http=True))
        assert not outcome.delivered
        assert outcome.fault
        assert hook.connections == 0


def test_one_forbidden_address_among_public_ones_is_enough_to_refuse() -> None:
    outcome = send(f"https://{HOST}/", EgressPolicy(), resolve=names(hooks_example_org=["8.8.8.8", "10.0.0.1"]))
    assert outcome.fault == f"{HOST} is not on the public internet"


def test_a_name_is_resolved_once_and_what_was_checked_is_what_is_connected_to() -> None:
    """A name that answers with an allowed address first and with another one ever after (DNS rebinding)."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with receiver(status(200)) as hook:
        assert send(f"http://{HOST}:{hook.port}/", resolve=resolve).delivered
    assert asked == [HOST]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with receiver(status(200)) as inside, receiver(status(code, {"Location": inside.url()})) as hook:
        outcome = send(hook.url())
        assert outcome == Outcome(delivered=False, status=code, fault="redirects are not followed")
        assert inside.connections == 0


def test_without_tls_nothing_is_sent_unless_it_is_allowed() -> None:
    with receiver(status(200)) as hook:
        policy = EgressPolicy(allowed=LOOPBACK.allowed)
        assert send(hook.url(), policy) == Outcome(delivered=False, fault="only https URLs are allowed")
        assert hook.connections == 0


def test_tls_is_for_the_name_whose_address_was_checked(tmp_path: Path) -> None:
    context, trusted_file = certificates(tmp_path)
    trusted = ssl.create_default_context(cafile=str(trusted_file))
    policy = EgressPolicy(allowed=LOOPBACK.allowed)
    resolve = names(hooks_example_org=["127.0.0.1"], other_example_org=["127.0.0.1"])
    with receiver(status(200), context) as hook:
        assert send(hook.url(host=HOST), policy, resolve=resolve, trusted=trusted).delivered
        other = send(hook.url(host="other.example.org"), policy, resolve=resolve, trusted=trusted)
        assert other.fault == "the receiver's certificate cannot be verified"
        assert send(hook.url(host=HOST), policy, resolve=resolve).fault == other.fault
        assert len(hook.received) == 1


@pytest.mark.parametrize("answer", [hang, drip], ids=["hangs", "drips"])
def test_a_receiver_that_takes_its_time_is_cut_off_at_the_deadline(answer: Callable[..., None]) -> None:
    """Neither would end by itself before the time limit of all tests: one never, one after eight minutes."""
    with receiver(answer) as hook:
        outcome = send(hook.url(), seconds_max=1)
    assert outcome == Outcome(delivered=False, fault="no answer within 1 s")


def test_of_an_endless_answer_no_more_is_read_than_a_few_kilobytes() -> None:
    taken = 0

    def answer(connection: Any, _: object) -> None:
        nonlocal taken
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
        for _part in range(10_000):
            connection.sendall(b"x" * 1000)
            taken += 1000

    with receiver(answer) as hook:
        assert send(hook.url()) == Outcome(delivered=True, status=200)
    assert ANSWER_BYTES_MAX < taken < 9_000_000  # the rest of what was taken lay in the kernel's buffers


@pytest.mark.parametrize(
    ("code", "retry_after", "seconds"), [(429, "120", 120), (503, "7", 7), (500, None, None), (429, "soon", None)]
)
def test_a_receiver_may_ask_for_patience(code: int, retry_after: str | None, seconds: float | None) -> None:
    with receiver(status(code, {"Retry-After": retry_after} if retry_after else None)) as hook:
        assert send(hook.url()) == Outcome(delivered=False, status=code, retry_after_seconds=seconds)


@pytest.mark.parametrize("written", [b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, b""])
def test_an_answer_that_is_none_is_no_receipt(written: bytes) -> None:
    with receiver(lambda connection, _: connection.sendall(written)) as hook:
        outcome = send(hook.url())
    assert not outcome.delivered
    assert outcome.fault


def test_a_host_that_is_not_there_is_a_fault_that_names_no_address() -> None:
    with receiver(status(200)) as gone:
        pass
    outcome = send(gone.url())
    assert outcome == Outcome(delivered=False, fault="ConnectError")
    assert send(f"https://{HOST}/", resolve=unknown).fault == "ConnectError"


def unknown(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import ssl, sys, time
from datetime import UTC, datetime
from services.usage.notifications.senders.egress_guard import EgressPolicy
from services.usage.notifications.senders.webhook_sender import WebhookSender
from shared.values.ip_addresses import network

ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        eventlet.sleep(0.01)
eventlet.spawn(tick)
_, host, fast, slow, trusted, secret = sys.argv
sender = WebhookSender(
    EgressPolicy(allowed=(network("127.0.0.0/8"),)),
    resolve=lambda host, port: ["127.0.0.1"],
    trusted=ssl.create_default_context(cafile=trusted),
    seconds_max=1,
)
for port in (slow, fast):
    print(sender.send(f"https://{host}:{port}/", "msg_1", "{}", [secret], datetime.now(UTC)).fault)
print(ticks > 1)
"""


def test_under_eventlet_too_tls_is_spoken_and_nothing_else_waits(tmp_path: Path) -> None:
    """Where it runs in production: a slow receiver must let everything else in the process go on."""
    context, trusted = certificates(tmp_path)
    with receiver(status(200), context) as fast, receiver(hang, context) as slow:
        command = [sys.executable, "-W", "ignore", "-c", UNDER_EVENTLET]
        command += [HOST, str(fast.port), str(slow.port), str(trusted), SECRET]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[5])
    assert done.stdout.splitlines() == ["no answer within 1 s", "None", "True"], done.stderr
    assert isinstance(fast, Receiver)
    assert len(fast.received) == 1
