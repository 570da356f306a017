"""The two hands of a follower in a nameko service: `hear` for pushes, `catch_up` for the timer."""

from typing import Any

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
        """Takes one message off the bus. What it does not manage, the next pull does.

        Raises msgspec.ValidationError for what is no envelope: that is somebody else's fault, and for a person to see.
        """
        event = from_json(envelope)
        try:
            self._subscription.push(event)
        except FeedUnavailable as error:
            _log.warning("push_left_to_pull", detail=str(error))
        except Exception:
            # The checkpoint has not moved, so the next pull repeats it: no reason to lay it among the dead.
            _log.exception("push_left_to_pull")

    def catch_up(self) -> None:
        """Pulls what pushes have missed, and tries parked events whose time has come. Never raises."""
        try:
            self._subscription.pull()
            self._follower.retry_due()
        except FeedUnavailable as error:
            _log.warning("pull_failed", detail=str(error))
        except Exception:
            # A raising timer would stop the whole container; the next tick tries again.
            _log.exception("pull_failed")
