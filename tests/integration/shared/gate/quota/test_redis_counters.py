"""A gate whose Redis is away tries again for as long as it takes."""

import pytest

from shared.gate.quota.redis_counters import RedisCounters
from shared.gate.redis_script import CountersUnavailable
from tests.servers import free_port


def test_no_number_of_failures_is_the_last() -> None:
    counters = RedisCounters(f"redis://keys:hunter2@127.0.0.1:{free_port()}/0")
    for _ in range(150):  # more than redis-py's pools ever count up to
        with pytest.raises(CountersUnavailable, match="ConnectionError"):
            counters.join(None, starting=True)
