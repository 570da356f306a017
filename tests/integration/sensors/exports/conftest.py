"""The sensors service's API with what makes exports, and keys whose standing a test decides."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.sensors.exports.making.standing import Undecided
from tests.integration.sensors.recordings.scene import Scene, scene


@dataclass
class Standings:
    """What auth says of each key. `asked`: how often of any. `after`: how many questions until that holds.

    `is_away`: it says nothing.
    """

    refusals: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    after: int = 0
    is_away: bool = False

    def refusal(self, organisation_id: str, key_id: str) -> str | None:
        self.asked += 1
        if self.is_away:
            raise Undecided
        return self.refusals.get(key_id) if self.asked > self.after else None


@pytest.fixture
def standings() -> Standings:
    return Standings()


@pytest.fixture
def here(tmp_path: Path, standings: Standings) -> Iterator[Scene]:
    found = scene(tmp_path, standings.refusal)
    yield found
    found.sensors.stop()
    found.database.close()
