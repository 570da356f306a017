"""`grillo up` on folders in which one byte was flipped: one line that says what and how, or a sound start."""

import random
import shutil
from pathlib import Path

import pytest

from services.embedded.data_folder import DataFolder
from services.embedded.soundness.folder_check import check
from tests.e2e.running import Embedded, grillo

pytestmark = [pytest.mark.xdist_group("embedded"), pytest.mark.timeout(900)]
STARTS = 20


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
    chance, ended = random.Random(20), 0
    while ended < STARTS:
        flipped = _flipped(data, chance)
        faults = check(DataFolder(_copy(flipped, "judged")), whole=False).faults
        if not faults:
            continue
        started = grillo("up", "--port", "0", "--data", str(flipped), "--json")
        told = started.stderr
        assert (started.returncode, told.count("\n"), started.stdout) == (1, 1, ""), told
        what = f"grillo: {faults[0].service}.sqlite: {faults[0].what}. "
        assert told.startswith(what.replace("judged", "flipped"))
        assert "backup" in told
        ended += 1
    with Embedded(data) as running, running.client(secret) as reader:
        assert reader.get("/v1/sensors").status_code == 401
    verified = grillo("audit", "verify", "--data", str(data))
    assert verified.returncode == 0, verified.stdout


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
