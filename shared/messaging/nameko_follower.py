"""Message handler of a follower in a nameko service: `hear` takes pushed events, `catch_up` pulls at each tick."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from shared.contracts.envelope import CloudEvent
from shared.observability import metrics
from shared.observability.once_a_minute import OnceAMinute
from shared.replication.feed import FeedDiverged, FeedUnavailable
from shared.replication.proof.push_proof import PushProof
from shared.replication.sql_follower import SqlFollower
from shared.replication.subscription import Subscription

_log = structlog.get_logger(__name__)


class Following:
    def __init__(
        self,
        subscription: Subscription,
        follower: SqlFollower,
        proof: PushProof,
        is_sound: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_sound`: of what follows from the log; if it is not, it is made again from the log's beginning."""
        self._subscription, self._follower, self._proof = subscription, follower, proof
        self._is_sound = is_sound
        self._lines = OnceAMinute()
        self.is_log_diverged = False  # as of the last pull that was answered

    def hear(self, envelopes: Sequence[Any]) -> None:
        """Takes messages from the bus, and applies what they prove together.

        What is not proved yet waits for its page's signature. If applying fails, the next pull makes up for it. Raises
        msgspec.ValidationError, after the others are applied, for a message that is not an envelope, and is proved or
        need not be: its sender is at fault, so it becomes a dead letter for a person to see.
        """
        events, wrong = self._proof.take_all(envelopes)
        if events:
            self._push(events)
        if wrong is not None:
            raise wrong

    def _push(self, events: Sequence[CloudEvent]) -> None:
        try:
            self._subscription.push_all(events)
        except FeedUnavailable as error:
            _log.warning("push_left_to_pull", detail=str(error))
        except Exception:
            # The checkpoint has not moved, so the next pull repeats the event: it need not become a dead letter.
            _log.exception("push_left_to_pull")

    def catch_up(self) -> None:
        """Pulls what pushes have missed, and retries parked events that are due. Never raises."""
        self._proof.expire()
        try:
            if not self._is_sound():
                self._subscription.restart()
            caught_up = self._subscription.pull()
            if self._follower.lacks(caught_up.remembered):
                caught_up = self._subscription.pull()  # says so, before it holds anything newer
            metrics.caught_up.labels(self._follower.name).set(caught_up.time.timestamp())
            self._follower.keep(self._proof.proved_head(caught_up.signed_head))
            self.is_log_diverged = False
            self._follower.retry_due()
        except FeedDiverged as error:
            self.is_log_diverged = True
            if (pulls := self._lines.due()) is not None:
                _log.error("log_diverged", detail=str(error), pulls=pulls)
        except FeedUnavailable as error:
            _log.warning("pull_failed", detail=str(error))
        except Exception:
            # Whatever it was: the next tick tries again.
            _log.exception("pull_failed")
