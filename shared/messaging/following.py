"""The two hands of a follower in a nameko service: `hear` for pushes, `catch_up` for the timer. Neither raises."""

from typing import Any

import msgspec
import structlog

from shared.contracts.envelope import from_json
from shared.feed import FeedUnavailable
from shared.follower import SqlFollower
from shared.subscription import Subscription

_log = structlog.get_logger(__name__)


class Following:
    def __init__(self, subscription: Subscription, follower: SqlFollower) -> None:
        self._subscription, self._follower = subscription, follower

    def hear(self, envelope: Any) -> None:
        """Takes one message off the bus. What it does not manage, the next pull does."""
        try:
            self._subscription.push(from_json(envelope))
        except (FeedUnavailable, msgspec.ValidationError) as error:
            _log.warning("push_left_to_pull", error=type(error).__name__, detail=str(error))
        except Exception:
            # Raising would make nameko acknowledge and forget; the checkpoint has not moved, so a pull repeats it.
            _log.exception("push_left_to_pull")

    def catch_up(self) -> None:
        """Pulls what pushes have missed, and tries parked events whose time has come."""
        try:
            self._subscription.pull()
            self._follower.retry_due()
        except FeedUnavailable as error:
            _log.warning("pull_failed", detail=str(error))
        except Exception:
            # A raising timer would stop the whole container; the next tick tries again.
            _log.exception("pull_failed")
