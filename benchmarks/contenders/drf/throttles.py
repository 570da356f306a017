"""A minute and a day for each key, by DRF's own window."""

from typing import Any

from rest_framework.throttling import SimpleRateThrottle
from rest_framework_api_key.permissions import KeyParser


class _KeyThrottle(SimpleRateThrottle):
    def get_cache_key(self, request: Any, _view: Any) -> str:
        prefix, _, _ = (KeyParser().get(request) or "").partition(".")
        return f"throttle_{self.scope}_{prefix}"


class MinuteThrottle(_KeyThrottle):
    scope = "minute"


class DayThrottle(_KeyThrottle):
    scope = "day"
