"""`grillo up` on folders in which one byte was flipped: one line that says what and how, or a sound start."""

import random
import shutil
from pathlib import Path

import pytest

from services.embedded.data_folder import DataFolder
from services.embedded.soundness.folder_check import check
from tests.e2e.running import Embedded, grillo
from tests.faults.sampling import sampled

pytestmark = [pytest.mark.xdist_group("embedded"), pytest.mark.timeout(900)]
STARTS, RESTARTS, SOUND_STARTS = len(sampled(range(20), 6)), 3, 2


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def killed(data: Path) -> tuple[Path, str]:
    """(a folder as a SIGKILL left it, the secret of a key that was revoked before)"""
    with Embedded(data) as running:
        key_id, secret = running.create_key("sensors:read")
        running.create_key("sensors:read")
        with running.admin() as admin:
            assert admin.post(f"/v1/keys/{key_id}/revoke", json={}).status_code == 200
        running.process.kill()
        running.process.wait()
    return data, secret


def test_what_the_check_finds_ends_a_start_in_one_line_and_what_it_passes_admits_no_dead_secret(
    killed: tuple[Path, str],
) -> None:
    data, secret = killed
    chance, ended, sound = random.Random(20), 0, 0
    while ended < STARTS or sound < SOUND_STARTS:
        flipped = _flipped(data, chance)
        faults = check(DataFolder(_copy(flipped, "judged")), whole=False).faults
        if faults and ended < STARTS:
            for _ in range(RESTARTS if ended == 0 else 1):
                _ends(flipped, f"{faults[0].service}.sqlite: {faults[0].what}. ".replace("judged", "flipped"))
            ended += 1
        elif not faults and sound < SOUND_STARTS:
            _admits_no_dead_secret(flipped, secret)
            sound += 1
    _admits_no_dead_secret(data, secret)
    verified = grillo("audit", "verify", "--data", str(data))
    assert verified.returncode == 0, verified.stdout


def _ends(folder: Path, what: str) -> None:
    started = grillo("up", "--port", "0", "--data", str(folder), "--json")
    told = started.stderr
    assert (started.returncode, told.count("\n"), started.stdout) == (1, 1, ""), told
    assert told.startswith(f"grillo: {what}")
    assert "backup" in told


def _admits_no_dead_secret(folder: Path, secret: str) -> None:
    with Embedded(folder) as running, running.client(secret) as reader:
        assert reader.get("/v1/sensors").status_code == 401


def _flipped(data: Path, chance: random.Random) -> Path:
    flipped = _copy(data, "flipped")
    files = sorted(file for file in flipped.glob("*.sqlite*") if file.stat().st_size and file.suffix != ".sqlite-shm")
    file = chance.choice(files)
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= chance.randrange(1, 256)
    file.write_bytes(content)
    return flipped


def _copy(data: Path, name: str) -> Path:
    copy = data.parent / name
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(data, copy))
