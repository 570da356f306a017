"""Heads sent elsewhere: each once, in order, whatever fails meanwhile; nothing waits for it, and no address is told."""

import json
from pathlib import Path

import pytest
import structlog

from shared.eventsourcing.event_store import Head
from shared.replication.heads.sent_elsewhere import (
    WAITING_MAX,
    HeadFile,
    HeadNotSent,
    HeadWebhook,
    SentElsewhere,
    elsewhere_of,
)
from shared.replication.proof.signed_heads import SignedHead


class Receiver:
    def __init__(self) -> None:
        self.is_away = False
        self.positions: list[int] = []

    def send(self, line: bytes) -> None:
        if self.is_away:
            raise HeadNotSent("the webhook answered 503")
        self.positions.append(json.loads(line)["head"]["position"])


class Growing:
    def __init__(self) -> None:
        self.position = 0

    def signed(self) -> SignedHead:
        self.position += 1
        return head(self.position)


def head(position: int) -> SignedHead:
    place = Head(epoch="e", position=position, hash="a" * 64)
    return SignedHead(epoch=place.epoch, position=position, hash=place.hash, signed_at="t", signer="s", signature="x")


def test_what_could_not_be_sent_is_sent_first_later_and_nothing_twice() -> None:
    receiver = Receiver()
    sent = SentElsewhere("keys", Growing().signed, receiver)
    for is_away in (False, True, True, False, False):
        receiver.is_away = is_away
        sent.tick()
    assert receiver.positions == [1, 2, 3, 4, 5]


def test_a_head_that_was_sent_is_not_sent_again() -> None:
    receiver = Receiver()
    sent = SentElsewhere("keys", lambda: head(7), receiver)
    for _ in range(3):
        sent.tick()
    assert receiver.positions == [7]


def test_a_day_of_heads_waits_at_most_and_the_oldest_go() -> None:
    receiver = Receiver()
    receiver.is_away = True
    sent = SentElsewhere("keys", Growing().signed, receiver)
    for _ in range(WAITING_MAX + 10):
        sent.tick()
    receiver.is_away = False
    for _ in range(60):
        sent.tick()
    assert len(receiver.positions) >= WAITING_MAX
    assert receiver.positions == sorted(set(receiver.positions))


def test_whatever_fails_it_never_raises_and_tells_no_address() -> None:
    def fails() -> SignedHead:
        raise RuntimeError("the database is away")

    for broken in (
        SentElsewhere("keys", fails, Receiver()),
        SentElsewhere("keys", lambda: head(1), HeadFile(Path("/proc/grl_secret/heads"))),
    ):
        with structlog.testing.capture_logs() as lines:
            broken.tick()
        assert [line["event"] for line in lines] == ["heads_not_sent"]
        assert "grl_secret" not in str(lines)


def test_without_an_address_or_a_signing_key_nothing_is_done() -> None:
    SentElsewhere("keys", Growing().signed, None).tick()
    receiver = Receiver()
    SentElsewhere("keys", lambda: None, receiver).tick()
    assert receiver.positions == []


def test_a_file_is_appended_to_by_whoever_sends_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    for name in ("keys", "sensors", "keys"):
        elsewhere = elsewhere_of(str(file))
        SentElsewhere(name, lambda: head(1), elsewhere).tick()
    assert [json.loads(line)["log"] for line in file.read_bytes().splitlines()] == ["keys", "sensors", "keys"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("address", ["ftp://example.org/heads", "http://example.org/heads", "/nowhere/at/all", "."])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        elsewhere_of(address)


def test_an_https_address_is_a_webhook_and_none_is_nowhere() -> None:
    assert isinstance(elsewhere_of("https://audit.example.org/heads"), HeadWebhook)
    assert elsewhere_of("") is None
