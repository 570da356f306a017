"""Deliveries on their way: each at least once under one id, recorded, and none held up by another's receiver."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from standardwebhooks import Webhook

from services.usage import assembly
from services.usage.notifications import tables
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.channels.secret_encryption import SecretEncryption, new_secret
from services.usage.notifications.deliveries import held_deliveries
from services.usage.notifications.deliveries.delivery_store import (
    GONE_REASON,
    KEPT,
    DeliveryStore,
    OutgoingMessage,
    enqueue_deliveries,
    when_disabled,
)
from services.usage.notifications.deliveries.delivery_views import (
    CannotBeSent,
    DeliveryView,
    DeliveryViews,
    NoSuchDelivery,
)
from services.usage.notifications.deliveries.dispatcher import Dispatcher, Senders
from services.usage.notifications.deliveries.places import AT_ONCE_OF_CHANNEL, Places
from services.usage.notifications.delivery import SENDING_SECONDS_MAX, Next, Outcome, Status
from services.usage.notifications.senders.webhook_sender import WebhookSender
from shared.runtime.clock import Clock, ManualClock, SystemClock
from shared.sql.database import Database
from tests.integration.usage.notifications.senders.test_webhook_sender import LOOPBACK
from tests.receivers import Receiver, hang, receiver, status
from tests.servers import Postgres
from tests.service_database import migrated, new_service_database

SEALING = SecretEncryption(["a long random text of the operator's"])
ORGANISATION = "org_railway"


@dataclass
class Post:
    """A database with channels, and a dispatcher of their deliveries."""

    database: Database
    clock: Clock
    seconds_max: float = 2

    def __post_init__(self) -> None:
        migrated(self.database, assembly.MIGRATIONS)
        self.channels, self.deliveries = ChannelStore(self.database), DeliveryStore(self.database)
        self.record, self.secrets = DeliveryViews(self.database), dict[str, str]()
        self.dispatcher = self.another_dispatcher()
        self.count = 0

    def another_dispatcher(self) -> Dispatcher:
        senders = Senders(webhook=WebhookSender(LOOPBACK, seconds_max=self.seconds_max))
        return Dispatcher(self.deliveries, self.channels, SEALING, senders, self.clock)

    def channel(self, hook: Receiver, channel_id: str = "chn_1") -> Channel:
        secret = self.secrets[channel_id] = new_secret()
        made = Channel(
            id=channel_id,
            organisation_id=ORGANISATION,
            kind=Kind.WEBHOOK,
            target=hook.url(),
            events=("AlertRaised",),
            sealed_secret=SEALING.seal(secret),
            created_at=self.clock.now(),
        )
        self.channels.add(made)
        return made

    def disable(self, channel_id: str) -> None:
        now = self.clock.now()
        self.channels.change(
            ORGANISATION,
            channel_id,
            lambda one: replace(one, disabled_at=now),
            when_disabled=lambda tx, one: when_disabled(tx, one, now),
        )

    def enable(self, channel_id: str) -> None:
        self.channels.change(ORGANISATION, channel_id, lambda one: replace(one, disabled_at=None, disabled_reason=None))

    def put_down(self, count: int = 1, only_to: tuple[str, ...] = (), traceparent: str | None = None) -> None:
        with self.database.transaction() as tx:
            for _ in range(count):
                self.count += 1
                notice = OutgoingMessage(
                    organisation_id=ORGANISATION,
                    message_id=f"msg_{self.count}",
                    type="AlertRaised",
                    key_id="key_a",
                    payload=json.dumps({"type": "AlertRaised", "timestamp": "now", "data": {"number": self.count}}),
                    only_to=only_to,
                    traceparent=traceparent,
                )
                enqueue_deliveries(tx, [notice], self.clock.now())

    def carry(self) -> None:
        """All that is due now."""
        while self.dispatcher.dispatch_due():
            self.dispatcher.wait()
        self.dispatcher.wait()

    def all(self) -> tuple[DeliveryView, ...]:
        return self.record.page(ORGANISATION, 100)[0]

    def one(self) -> DeliveryView:
        (delivery,) = self.all()
        return delivery


@pytest.fixture(params=["sqlite", "postgresql"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Post]:
    if request.param == "sqlite":
        database = Database.sqlite(tmp_path / "usage.db")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        database = new_service_database(server, assembly.MIGRATIONS)
    # The present time: receivers look at timestamps.
    yield Post(database, ManualClock(datetime.now(UTC)))
    database.close()


def passes(post: Post, seconds: float) -> None:
    assert isinstance(post.clock, ManualClock)
    post.clock.advance(seconds)


def test_each_attempt_is_recorded_with_what_was_answered_until_it_is_received(post: Post) -> None:
    answers = [status(500), status(429, {"Retry-After": "77"}), status(200)]
    with receiver(lambda connection, received: answers.pop(0)(connection, received)) as hook:
        post.channel(hook)
        post.put_down()
        post.carry()
        first = post.one()
        assert (first.status, [attempt.status for attempt in first.attempts]) == (Status.PENDING, [500])
        passes(post, 10)
        post.carry()
        waiting = post.one()
        assert waiting.next_attempt_at == post.clock.now() + timedelta(seconds=77)
        passes(post, 76)
        post.carry()
        assert len(hook.received) == 2
        passes(post, 1)
        post.carry()
    delivered = post.one()
    assert (delivered.status, delivered.finished_at) == (Status.DELIVERED, post.clock.now())
    assert [(attempt.number, attempt.status) for attempt in delivered.attempts] == [(1, 500), (2, 429), (3, 200)]
    assert delivered.last_answer == delivered.attempts[-1]
    assert {received.headers["webhook-id"] for received in hook.received} == {delivered.webhook_id}


def test_each_attempt_goes_on_with_its_cause_s_trace(post: Post) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answers = [status(500), status(200), status(200)]
    with receiver(lambda connection, received: answers.pop(0)(connection, received)) as hook:
        post.channel(hook)
        post.put_down(traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        post.carry()
        passes(post, 10)
        post.carry()
        post.put_down()
        post.carry()
    first, second, without = (received.headers.get("traceparent", "") for received in hook.received)
    assert {first[3:35], second[3:35]} == {trace}
    assert first != second
    assert without == ""


def test_what_was_put_down_while_the_clock_was_ahead_is_sent_once_it_is_right(post: Post) -> None:
    assert isinstance(post.clock, ManualClock)
    with receiver(status(200)) as hook:
        post.channel(hook)
        post.clock.set_by(timedelta(days=3))
        post.put_down()
        post.clock.set_by(-timedelta(days=3))
        post.carry()
    assert post.one().status is Status.DELIVERED


def test_410_disables_the_channel_and_what_is_for_it_is_held_until_it_is_replayed(post: Post) -> None:
    with receiver(status(410)) as hook:
        channel = post.channel(hook)
        post.put_down(6)
        post.carry()
        assert len(hook.received) <= AT_ONCE_OF_CHANNEL
        disabled = post.channels.get(ORGANISATION, channel.id)
        assert (disabled.disabled_at, disabled.disabled_reason) == (post.clock.now(), GONE_REASON)
        passes(post, 60)
        post.put_down()
        post.carry()
        assert [delivery.status for delivery in post.all()] == [Status.HELD] * 7
        for send in (
            lambda: post.record.send_again(ORGANISATION, post.all()[0].id, post.clock.now()),
            lambda: post.record.replay(ORGANISATION, channel.id, None, post.clock.now()),
        ):
            with pytest.raises(CannotBeSent):
                send()
        hook.answer = status(200)
        post.enable(channel.id)
        post.carry()
        assert post.record.held([channel.id]) == {channel.id: 7}
        assert post.record.replay(ORGANISATION, channel.id, post.clock.now(), post.clock.now()) == 1
        assert post.record.replay(ORGANISATION, channel.id, None, post.clock.now()) == 6
        post.carry()
    assert {delivery.status for delivery in post.all()} == {Status.DELIVERED}
    assert {one.headers["webhook-id"] for one in hook.received} == {f"msg_{number}" for number in range(1, 8)}


def test_only_the_latest_are_held_and_those_not_for_ever(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_deliveries, "HELD_MAX", 3)
    with receiver(status(200)) as hook:
        channel = post.channel(hook)
    post.disable(channel.id)
    for _ in range(5):
        passes(post, 1)
        post.put_down()
    assert [(one.webhook_id, one.status) for one in post.all()] == [
        *[(f"msg_{number}", Status.HELD) for number in (5, 4, 3)],
        *[(f"msg_{number}", Status.FAILED) for number in (2, 1)],
    ]
    passes(post, KEPT.total_seconds() + 1)
    post.deliveries.forget_old(post.clock.now())
    assert post.all() == ()


def test_the_others_are_told_that_a_channel_is_disabled_once_and_two_that_are_gone_raise_no_loop(post: Post) -> None:
    with receiver(status(410)) as gone, receiver(status(200)) as hook:
        for number in (1, 2):
            post.channel(gone, f"chn_{number}")
        post.channel(hook, "chn_3")
        post.put_down(only_to=("chn_1",))
        for _ in range(3):
            post.carry()
            passes(post, 60)
    told = [json.loads(one.body) for one in hook.received]
    assert {(one["type"], one["data"]["channel_id"]) for one in told} == {
        ("channel-disabled", "chn_1"),
        ("channel-disabled", "chn_2"),
    }
    assert len(told) == 2
    assert told[0]["data"]["name"] == "127.0.0.1"
    assert gone.url() not in str(told)
    by_channel = {
        (one.channel_id, one.payload["data"].get("channel_id")) for one in post.all() if one.status is Status.HELD
    }
    assert by_channel == {("chn_1", None), ("chn_1", "chn_2"), ("chn_2", "chn_1")}
    assert len(gone.received) == 2


def test_what_is_being_sent_while_its_channel_is_disabled_is_held_when_it_comes_back(post: Post) -> None:
    with receiver(status(500)) as hook:
        channel = post.channel(hook)
        post.put_down()
        (taken,) = post.deliveries.take(Places(), post.clock.now())
        post.disable(channel.id)
        post.deliveries.close(
            taken,
            Outcome(delivered=False, status=500),
            Next(status=Status.PENDING, due_at=post.clock.now()),
            post.clock.now(),
            post.clock.now(),
        )
        post.carry()
        assert hook.received == []
    assert post.one().status is Status.HELD


def test_after_three_days_it_has_failed_and_may_be_sent_again_by_hand_under_its_id(post: Post) -> None:
    answers = [status(500)] * 14 + [status(200)]
    with receiver(lambda connection, received: answers.pop(0)(connection, received)) as hook:
        post.channel(hook)
        post.put_down()
        for _ in range(20):
            post.carry()
            passes(post, 86_400)
        failed = post.one()
        assert (failed.status, len(failed.attempts)) == (Status.FAILED, 14)
        with pytest.raises(NoSuchDelivery):
            post.record.send_again("org_2", failed.id, post.clock.now())
        post.record.send_again(ORGANISATION, failed.id, post.clock.now())
        post.carry()
    assert post.one().status is Status.DELIVERED
    assert {received.headers["webhook-id"] for received in hook.received} == {failed.webhook_id}


def test_the_same_message_is_put_down_once_for_each_channel(post: Post) -> None:
    with receiver(status(200)) as hook:
        post.channel(hook)
        post.channel(hook, "chn_2")
        post.put_down()
        post.count = 0
        post.put_down()
        post.carry()
    assert len(post.all()) == len(hook.received) == 2


def test_who_dies_while_sending_leaves_it_to_be_sent_again(post: Post) -> None:
    with receiver(status(200)) as hook:
        post.channel(hook)
        post.put_down()
        (taken,) = post.deliveries.take(Places(), post.clock.now())
        assert post.one().status is Status.SENDING
        post.carry()
        assert hook.received == []
        passes(post, SENDING_SECONDS_MAX + 1)
        post.carry()
    assert post.one().status is Status.DELIVERED
    assert hook.received[0].headers["webhook-id"] == taken.message_id


def test_two_dispatchers_carry_each_once(post: Post) -> None:
    with receiver(status(200)) as hook:
        for number in range(8):
            post.channel(hook, f"chn_{number}")
        post.put_down(2)
        other = post.another_dispatcher()
        while post.dispatcher.dispatch_due() + other.dispatch_due():
            post.dispatcher.wait()
            other.wait()
    ids = [(received.headers["webhook-id"], received.headers["webhook-signature"]) for received in hook.received]
    assert len(ids) == len(set(ids)) == 16


def test_a_dead_receiver_with_thousands_waiting_holds_up_nobody_else(post: Post) -> None:
    may_end = threading.Event()

    def hold(*_: object) -> None:
        may_end.wait(60)

    with receiver(hold) as dead, receiver(status(200)) as hook:
        post.seconds_max = 60
        post.dispatcher = post.another_dispatcher()
        post.channel(dead, "chn_dead")
        post.put_down(300, only_to=("chn_dead",))
        passes(post, 1)
        post.channel(hook, "chn_alive")
        post.put_down(20, only_to=("chn_alive",))
        post.dispatcher.dispatch_due()
        hook.wait_for(20)  # while the dead one still holds all it was given
        assert 0 < dead.connections <= AT_ONCE_OF_CHANNEL
        may_end.set()
        post.dispatcher.stop()
    post.dispatcher.wait()


def test_what_ended_long_ago_is_forgotten_with_its_attempts(post: Post) -> None:
    with receiver(status(200)) as hook:
        post.channel(hook)
        post.put_down(3)
        post.carry()
    passes(post, KEPT.total_seconds() - 10)
    post.put_down()
    post.deliveries.forget_old(post.clock.now())
    assert len(post.all()) == 4
    passes(post, 20)
    post.deliveries.forget_old(post.clock.now())
    assert [delivery.status for delivery in post.all()] == [Status.PENDING]
    with post.database.reading() as tx:
        assert tx.execute(select(tables.delivery_attempt)).all() == []


def test_what_we_cannot_send_is_an_attempt_like_any_other(post: Post) -> None:
    with receiver(status(200)) as hook:
        channel = post.channel(hook)
        foreign = SecretEncryption(["of another installation"]).seal("whsec_x")
        post.channels.change(ORGANISATION, channel.id, lambda one: replace(one, sealed_secret=foreign))
        post.put_down()
        post.carry()
        unreadable = post.one()
        assert unreadable.last_answer is not None
        assert unreadable.last_answer.fault == "the secret of the channel cannot be decrypted: rotate it"
        post.channels.change(ORGANISATION, channel.id, lambda one: replace(one, sealed_secret=SEALING.seal("whsec_")))
        passes(post, 10)
        post.carry()
        assert hook.received == []
    broken = post.one()
    assert [attempt.fault for attempt in broken.attempts][1:] == ["an internal error while sending"]
    assert broken.status is Status.PENDING


def test_a_deleted_channel_gets_nothing_more(post: Post) -> None:
    with receiver(status(200)) as hook:
        channel = post.channel(hook)
        post.put_down()
        post.channels.delete(ORGANISATION, channel.id, post.clock.now())
        post.carry()
        assert hook.received == []
    assert post.one().status is Status.FAILED


def test_what_is_being_sent_while_its_channel_is_deleted_is_given_up(post: Post) -> None:
    with receiver(status(500)) as hook:
        channel = post.channel(hook)
        post.put_down()
        (taken,) = post.deliveries.take(Places(), post.clock.now())
        post.channels.delete(ORGANISATION, channel.id, post.clock.now())
        later = Next(status=Status.PENDING, due_at=post.clock.now())
        post.deliveries.close(taken, Outcome(delivered=False, status=500), later, post.clock.now(), post.clock.now())
    assert (post.one().status, post.one().next_attempt_at) == (Status.FAILED, None)


def test_what_was_enqueued_while_its_channel_was_being_deleted_is_given_up_later(post: Post) -> None:
    with receiver(status(200)) as hook:
        post.channel(hook)
        post.put_down()
        with post.database.transaction() as tx:
            tx.execute(delete(tables.channel))
        post.carry()
        assert (hook.received, post.one().status) == ([], Status.PENDING)
    post.deliveries.forget_old(post.clock.now())
    assert post.one().status is Status.FAILED


def test_secrets_lie_sealed_and_open_with_the_key_before_while_it_is_named(post: Post) -> None:
    with receiver(status(200)) as hook:
        post.channel(hook)
    with post.database.reading() as tx:
        stored = str(tx.execute(select(tables.channel)).all())
    assert post.secrets["chn_1"] not in stored
    assert post.secrets["chn_1"].removeprefix("whsec_") not in stored
    sealed = post.channels.get(ORGANISATION, "chn_1").sealed_secret or ""
    assert (
        SecretEncryption(["another long random text", "a long random text of the operator's"]).unseal(sealed)
        == (post.secrets["chn_1"])
    )


def _carry_and_hang(path: Path) -> None:
    post = Post(Database.sqlite(path), SystemClock(), seconds_max=30)
    post.dispatcher.dispatch_due()
    time.sleep(60)  # until it is killed


def test_killed_between_sending_and_recording_it_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    """SIGKILL while the receiver, which has the message already, has not answered yet."""
    database = Database.sqlite(tmp_path / "usage.db")
    clock = ManualClock(datetime.now(UTC))
    post = Post(database, clock)
    behaviours: list[Callable[..., None]] = [hang, status(200)]

    def answer(connection: Any, received: Any) -> None:
        behaviours.pop(0)(connection, received)

    with receiver(answer) as hook:
        post.channel(hook)
        post.put_down()
        child = multiprocessing.get_context("spawn").Process(target=_carry_and_hang, args=(tmp_path / "usage.db",))
        child.start()
        hook.wait_for(1)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        assert post.one().status is Status.SENDING
        passes(post, SENDING_SECONDS_MAX + 60)  # the child's clock was the system's
        post.carry()
        received = hook.wait_for(2)
    assert post.one().status is Status.DELIVERED
    assert len({one.headers["webhook-id"] for one in received}) == 1
    for one in received:
        assert Webhook(post.secrets["chn_1"]).verify(one.body, one.headers)
    database.close()
