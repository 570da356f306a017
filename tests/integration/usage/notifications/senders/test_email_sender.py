"""Mail through a real SMTP server: it says what the webhook says, once, and a server that refuses is told of."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.deliveries.dispatcher import Dispatcher, Senders
from services.usage.notifications.delivery import Outcome
from services.usage.notifications.senders.email_sender import EmailSender, MailServer, mail_server, written
from services.usage.notifications.senders.webhook_sender import WebhookSender
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.integration.usage.notifications.deliveries.test_dispatcher import ORGANISATION, SEALING, Post
from tests.integration.usage.notifications.senders.test_webhook_sender import LOOPBACK
from tests.receivers import certificates, hang, receiver
from tests.servers import free_port

DATA = {"alert_id": "alr_1", "kind": "quota", "key_id": "key_1", "hint": "grl_abcd…wxyz", "facts": {"used": 8}}
PAYLOAD = json.dumps({"type": "AlertRaised", "timestamp": "2026-11-23T12:00:00Z", "data": DATA})


class Mailbox:
    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def sender(mailbox: Mailbox) -> Iterator[EmailSender]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield EmailSender(server(controller.port), seconds_max=5)
    controller.stop()


def server(port: int) -> MailServer:
    return MailServer(host="127.0.0.1", port=port, sender="grillo@example.org")


def test_the_mail_has_the_facts_and_the_same_id_when_it_is_sent_again(sender: EmailSender, mailbox: Mailbox) -> None:
    for _ in range(2):
        assert sender.send("ops@example.org", "msg_1", PAYLOAD) == Outcome(delivered=True, status=250)
    first, again = mailbox.envelopes
    assert (first.mail_from, first.rcpt_tos) == ("grillo@example.org", ["ops@example.org"])
    assert first.content == again.content
    text = first.content.decode()
    assert "Message-ID: <msg_1@" in text
    mail = written("grillo@example.org", "ops@example.org", "msg_1", PAYLOAD)
    assert mail["Subject"] == "[Grillo] AlertRaised: quota grl_abcd…wxyz"
    assert "used: 8" in mail.get_content()
    assert isinstance(mail, Message)


def test_mail_goes_by_tls_to_a_server_whose_certificate_is_good_and_to_no_other(
    tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificates(tmp_path, "127.0.0.1")
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), ssl_context=context)
    controller.start()
    sender = EmailSender(replace(server(controller.port), tls=True), seconds_max=5)
    unknown = sender.send("ops@example.org", "msg_1", PAYLOAD)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    known = sender.send("ops@example.org", "msg_1", PAYLOAD)
    controller.stop()
    assert (unknown.delivered, known.delivered) == (False, True)
    assert len(mailbox.envelopes) == 1


def test_an_address_that_the_server_refuses_is_an_attempt_with_its_status(sender: EmailSender) -> None:
    outcome = sender.send("nobody@example.org", "msg_1", PAYLOAD)
    assert outcome == Outcome(delivered=False, status=550, fault="the mail server refused the address")


def test_a_server_that_is_away_or_silent_is_a_fault() -> None:
    away = EmailSender(server(free_port()), seconds_max=1).send("ops@example.org", "msg_1", PAYLOAD)
    assert away == Outcome(delivered=False, fault="the mail server cannot be used: ConnectionRefusedError")
    with receiver(hang) as silent:
        outcome = EmailSender(server(silent.port), seconds_max=1).send("ops@example.org", "msg_1", PAYLOAD)
    assert outcome == Outcome(delivered=False, fault="no answer within 1 s")


GREETING, GOOD, GO_ON = b"220 here\r\n", b"250 good\r\n", b"354 go on\r\n"


@contextmanager
def dripping(answers: list[bytes]) -> Iterator[int]:
    """The port of a server that gives those answers, and then one that never ends: no single byte takes long."""
    is_over = threading.Event()

    def talk() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            for number, answer in enumerate(answers):
                if number:
                    connection.recv(65_536)
                connection.sendall(answer)
            while not is_over.wait(0.05):
                connection.sendall(b"2")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            is_over.set()
            thread.join()


@pytest.mark.parametrize("answers", [[], [GREETING], [GREETING, GOOD, GOOD, GOOD, GO_ON]])
def test_a_server_whose_answers_drip_is_cut_off_when_the_attempt_is_over(answers: list[bytes]) -> None:
    with dripping(answers) as port:
        outcome = EmailSender(server(port), seconds_max=1).send("ops@example.org", "msg_1", PAYLOAD)
    assert outcome == Outcome(delivered=False, fault="no answer within 1 s")


def test_a_mail_that_was_accepted_is_delivered_however_the_goodbye_goes() -> None:
    with dripping([GREETING, GOOD, GOOD, GOOD, GO_ON, GOOD]) as port:
        outcome = EmailSender(server(port), seconds_max=1).send("ops@example.org", "msg_1", PAYLOAD)
    assert outcome == Outcome(delivered=True, status=250)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, None, None, False, True)),
        ("smtp://mail.example.org:25", ("mail.example.org", 25, None, None, False, False)),
        ("smtps://u:p%40ss@mail.example.org", ("mail.example.org", 465, "u", "p@ss", True, False)),
    ],
)
def test_a_server_is_named_by_one_url(url: str, expected: tuple[Any, ...]) -> None:
    found = mail_server(url, "grillo@example.org")
    assert (found.host, found.port, found.username, found.password, found.tls, found.starttls) == expected
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize("url", ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://host:port"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        mail_server(url, "grillo@example.org")


@pytest.mark.parametrize("has_server", [True, False])
def test_a_channel_of_kind_email_is_told_by_mail_if_there_is_a_server(
    tmp_path: Path, sender: EmailSender, mailbox: Mailbox, has_server: bool
) -> None:
    post = Post(Database.sqlite(tmp_path / "usage.db"), ManualClock(datetime.now(UTC)))
    post.channels.add(
        Channel(
            id="chn_mail",
            organisation_id=ORGANISATION,
            kind=Kind.EMAIL,
            target="ops@example.org",
            events=("AlertRaised",),
            created_at=post.clock.now(),
        )
    )
    senders = Senders(webhook=WebhookSender(LOOPBACK), mail=sender if has_server else None)
    post.dispatcher = Dispatcher(post.deliveries, post.channels, SEALING, senders, post.clock)
    post.put_down()
    post.carry()
    attempt = post.one().last_answer
    assert attempt is not None
    expected = (250, None) if has_server else (None, "no SMTP server is configured")
    assert (attempt.status, attempt.fault) == expected
    assert len(mailbox.envelopes) == has_server
    post.database.close()
