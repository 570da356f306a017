"""A webhook that takes heads, over real connections: what it refuses or misses is sent again; nobody learns where."""

import json
import socket

import structlog

from shared.eventsourcing.event_store import Head
from shared.replication.heads.sent_elsewhere import HeadWebhook, SentElsewhere
from shared.replication.proof.signed_heads import SignedHead
from tests.receivers import Received, Receiver

ANSWERS = ("503 Service Unavailable", "302 Found", "200 OK", "200 OK", "503 Service Unavailable")


def test_a_refusal_or_redirect_is_no_receipt_and_the_address_is_told_nowhere() -> None:
    answers, heads = iter(ANSWERS), iter(range(1, 10))

    def answer(connection: socket.socket, received: Received) -> None:
        status = next(answers)
        connection.sendall(f"HTTP/1.1 {status}\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode())

    def signed() -> SignedHead:
        place = Head(epoch="e", position=next(heads), hash="a" * 64)
        return SignedHead(epoch="e", position=place.position, hash=place.hash, signed_at="t", signer="s", signature="x")

    receiver = Receiver(answer)
    sent = SentElsewhere("keys", signed, HeadWebhook(receiver.url("/hook?token=grl_secret"), seconds_max=60))
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            sent.tick()
        receiver.close()
        sent.tick()
    told = [(json.loads(each.body)["log"], json.loads(each.body)["head"]["position"]) for each in receiver.received]
    assert told[:4] == [("keys", 1), ("keys", 1), ("keys", 1), ("keys", 2)]
    assert [line["event"] for line in lines] == ["heads_not_sent"]
    assert "grl_secret" not in str(lines)
