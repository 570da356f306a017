"""The sensors service's API with what makes exports, and keys whose standing a test decides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.sensors.exports.making.standing import Standing, Undecided
from tests.integration.sensors.recordings.scene import Scene, scene


@dataclass
class Standings:
    """What auth says of each key. `asked`: how often of any. `after`: how many questions until that holds.

    `is_away`: it says nothing. `networks`: of all keys. `at`: what happens when the question of that number is asked.
    """

    refusals: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    after: int = 0
    is_away: bool = False
    networks: frozenset[str] | None = None
    at: dict[int, Callable[[], object]] = field(default_factory=dict)

    def of_key(self, organisation_id: str, key_id: str) -> Standing:
        self.asked += 1
        self.at.get(self.asked, _nothing)()
        if self.is_away:
            raise Undecided
        if self.asked <= self.after:
            return Standing()
        return Standing(refusal=self.refusals.get(key_id), networks=self.networks)


def _nothing() -> None:
    """Most questions are asked while nothing else happens."""


@pytest.fixture
def standings() -> Standings:
    return Standings()


@pytest.fixture
def here(tmp_path: Path, standings: Standings) -> Iterator[Scene]:
    found = scene(tmp_path, standings.of_key)
    yield found
    found.sensors.stop()
    found.database.close()
