"""Exports made by child processes: each format whole, asked about before each part, and what ends one early."""

import csv
import errno
import hashlib
import io
import os
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import pytest

from services.sensors.exports import export_store
from services.sensors.exports.export import KEPT, ExportFormat
from services.sensors.exports.making.child import Stopped, make
from services.sensors.exports.making.messages import Job
from services.sensors.lifecycle.deletion import SensorDeletion
from services.sensors.networks.network import ChangeNetwork
from services.sensors.registry.visible import Visible
from services.sensors.store.even_times import NS
from shared.runtime.clock_doubt import TOLERANCE_SECONDS
from shared.runtime.room import ORDINARY_BYTES, Room
from tests.examples import LEAPS, ORIGIN
from tests.gate_examples import ORGANISATION
from tests.integration.sensors.exports.conftest import Standings
from tests.integration.sensors.recordings.scene import CHIEF, ELSEWHERE, KEY, START_NS, Scene, segment

DAY = {"start": "2020-01-24", "end": "2020-01-25T12:00:00Z"}


def ask(here: Scene, *sensor_ids: str, who: int = KEY, format_: str = "csv", **different: Any) -> str:
    body = {"sensor_ids": sensor_ids, "format": format_, **DAY, **different}
    answer = here.ask("POST", "/v1/exports", who, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/exports/{answer.json['data']['id']}"
    return str(answer.json["data"]["id"])


def made(here: Scene, export_id: str, who: int = KEY) -> Any:
    """How it stands when nothing is being made any more. An organisation's exports are made one after the other."""
    for _ in range(4):
        here.sensors.exports.maker.run()
        here.sensors.exports.maker.wait()
    return here.get(f"/v1/exports/{export_id}", who).json["data"]


class _Disk(Room):
    """With so many bytes left beside what is kept; those asked for are taken."""

    left = 2000

    def has(self, floor_bytes: int = ORDINARY_BYTES) -> bool:
        self.left -= floor_bytes - ORDINARY_BYTES
        return self.left >= 0


def job(here: Scene, tmp_path: Path, sensor_id: str, format_: str = "csv") -> Job:
    return Job(
        database_url=str(here.database.engine.url),
        samples_folder=str(tmp_path / "samples"),
        path=str(tmp_path / "made"),
        format=format_,
        sensor_ids=(sensor_id,),
        channel=None,
        start_ns=START_NS,
        end_ns=START_NS + 5 * 3600 * NS,
        bytes_max=10**9,
    )


def file(here: Scene, export_id: str, who: int = KEY) -> bytes:
    answer = here.get(f"/v1/exports/{export_id}/file", who)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def left(tmp_path: Path) -> list[str]:
    """Names of files in the folder of exports."""
    return sorted(path.name for path in (tmp_path / "exports").rglob("*") if path.is_file())


def test_a_csv_has_every_sample_of_the_range_across_hours_and_days(here: Scene) -> None:
    hours_24 = 21 * 3600  # from 03:00 to midnight
    sensor_id = here.recorded(segment(3000, 1200, rate_hz=10.0), segment(hours_24 - 60, 120, rate_hz=10.0))
    here.sensors.samples.sealer.run(settled=False)
    export_id = ask(here, sensor_id)
    told = made(here, export_id)
    assert (told["status"], told["percent"], told["fault"]) == ("ready", 100, None), told
    content = file(here, export_id)
    assert (told["bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [int(row["value"]) for row in rows] == [*range(12_000), *range(1200)]


def test_an_sds_archive_has_a_file_a_channel_and_day_that_obspy_reads(here: Scene) -> None:
    sensor_id = here.recorded(
        segment(20 * 3600, 4 * 3600, rate_hz=10.0), segment(0, 60, axis="00.HNN"), segment(0, 60, axis="00.LCQ")
    )
    export_id = ask(here, sensor_id, format_="sds")
    assert made(here, export_id)["status"] == "ready"
    with tarfile.open(fileobj=io.BytesIO(file(here, export_id))) as tar:
        found = {name: obspy.read(io.BytesIO(read(tar, name))).merge(-1) for name in tar.getnames()}
    assert sorted(found) == [
        "2020/XX/AAA/HNN.D/XX.AAA.00.HNN.D.2020.024",
        "2020/XX/AAA/HNZ.D/XX.AAA.00.HNZ.D.2020.024",
        "2020/XX/AAA/HNZ.D/XX.AAA.00.HNZ.D.2020.025",
        "2020/XX/AAA/LCQ.D/XX.AAA.00.LCQ.D.2020.024",
    ]
    vertical = [found[f"2020/XX/AAA/HNZ.D/XX.AAA.00.HNZ.D.2020.02{day}"] for day in (4, 5)]
    assert np.concatenate([trace.data for day in vertical for trace in day]).tolist() == list(range(144_000))


def test_one_miniseed_file_has_the_channels_that_were_asked_for(here: Scene) -> None:
    first = here.recorded(segment(0, 60), segment(0, 60, axis="00.HNN"))
    second = here.recorded(segment(0, 60, axis="00.BNZ", value=7), station="BBB")
    export_id = ask(here, first, second, format_="miniseed", channel="HNZ")
    assert made(here, export_id)["status"] == "ready"
    stream = obspy.read(io.BytesIO(file(here, export_id)))
    assert [(trace.id, trace.data[0]) for trace in stream.merge(-1)] == [("XX.AAA.00.HNZ", 0), ("XX.BBB.00.BNZ", 7)]


def test_a_dead_key_s_export_stops_before_its_next_part(here: Scene, standings: Standings, tmp_path: Path) -> None:
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    standings.refusals["key_1"], standings.after = "key-revoked", 2
    export_id = ask(here, sensor_id)
    told = made(here, export_id)
    assert (told["status"], told["fault"], told["file"]) == ("failed", "key-revoked", None)
    assert (standings.asked, left(tmp_path)) == (3, [])


def test_a_child_that_is_told_to_stop_writes_no_further_part(here: Scene, tmp_path: Path) -> None:
    """Its maker kills it, too; this is what it does by itself."""
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    with pytest.raises(Stopped):
        make(
            job(here, tmp_path, sensor_id),
            here.database,
            here.sensors.samples,
            lambda asked: asked.part < 2,
            Room(tmp_path),
        )
    assert (tmp_path / "made").read_bytes().count(b"\n") == 1 + 2 * 3600


@pytest.mark.parametrize("format_", list(ExportFormat))
def test_no_format_takes_the_room_that_is_kept_for_ending_keys(here: Scene, tmp_path: Path, format_: str) -> None:
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    with pytest.raises(OSError, match="64 MiB") as full:
        make(
            job(here, tmp_path, sensor_id, format_),
            here.database,
            here.sensors.samples,
            lambda _: True,
            _Disk(tmp_path),
        )
    assert full.value.errno == errno.ENOSPC
    assert (tmp_path / "made").stat().st_size <= _Disk.left


def test_a_failed_export_s_file_is_gone_before_that_is_written(
    here: Scene, standings: Standings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what fills the disk, where nothing is written then."""
    store, found = here.sensors.exports.store, []
    monkeypatch.setattr(store, "fail", lambda *told: found.append((left(tmp_path), told[1])))
    standings.refusals["key_1"], standings.after = "key-revoked", 2
    made(here, ask(here, here.recorded(segment(0, 5 * 3600, rate_hz=1.0))))
    assert found[0] == ([], "key-revoked")


def test_while_nobody_says_what_the_key_may_do_nothing_is_made(
    here: Scene, standings: Standings, tmp_path: Path
) -> None:
    sensor_id = here.recorded(segment(0, 60))
    standings.is_away = True
    export_id = ask(here, sensor_id)
    for _ in range(5):
        assert made(here, export_id)["status"] == "waiting"
        here.clock.advance(11)
    assert left(tmp_path) == []
    standings.is_away = False
    assert made(here, export_id)["status"] == "ready"


def test_a_sensor_that_is_deleted_meanwhile_ends_the_export_which_says_so(here: Scene) -> None:
    kept, gone = here.recorded(segment(0, 60)), here.recorded(segment(0, 60), station="BBB")
    export_id = ask(here, kept, gone)
    SensorDeletion(here.sensors.store, here.sensors.samples.store, here.clock).delete(gone, ORIGIN)
    told = made(here, export_id)
    assert (told["status"], told["fault"]) == ("failed", "sensor-gone")


def test_so_does_one_that_is_deleted_between_two_parts(here: Scene, standings: Standings, tmp_path: Path) -> None:
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    export_id = ask(here, sensor_id)
    standings.at[3] = lambda: SensorDeletion(here.sensors.store, here.sensors.samples.store, here.clock).delete(
        sensor_id, ORIGIN
    )
    told = made(here, export_id)
    assert (told["status"], told["fault"], standings.asked, left(tmp_path)) == ("failed", "sensor-gone", 3, [])


def test_a_key_that_is_narrowed_to_other_networks_has_its_export_ended(here: Scene, standings: Standings) -> None:
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    standings.networks, standings.after = frozenset({"net_another"}), 2
    told = made(here, ask(here, sensor_id))
    assert (told["status"], told["fault"], standings.asked) == ("failed", "sensor-gone", 3)


def test_a_network_that_is_closed_between_two_parts_ends_the_export(
    here: Scene, standings: Standings, tmp_path: Path
) -> None:
    sensor_id = here.recorded(segment(0, 5 * 3600, rate_hz=1.0))
    export_id, networks, own = ask(here, sensor_id), here.sensors.networks, Visible(organisation_id=ORGANISATION)
    (network,) = networks.queries.networks_of(ORGANISATION).networks
    standings.at[3] = lambda: networks.commands.change(own, network.id, ChangeNetwork(api_access=False), ORIGIN)
    told = made(here, export_id)
    assert (told["status"], told["fault"], standings.asked, left(tmp_path)) == ("failed", "sensor-gone", 3, [])


def test_a_file_of_a_sensor_that_was_deleted_later_is_no_longer_to_be_had(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    export_id = ask(here, sensor_id)
    assert made(here, export_id)["status"] == "ready"
    SensorDeletion(here.sensors.store, here.sensors.samples.store, here.clock).delete(sensor_id, ORIGIN)
    assert here.get(f"/v1/exports/{export_id}/file").status_code == 403


def test_two_are_made_at_once_and_one_an_organisation(here: Scene) -> None:
    store = here.sensors.exports.store
    first = here.recorded(segment(0, 60))
    other = here.recorded(segment(0, 60), organisation_id="org_elsewhere")
    asked = []
    for sensor_id, who in ((first, KEY), (first, KEY), (other, ELSEWHERE)):
        asked.append(ask(here, sensor_id, who=who))
        here.clock.advance(1)
    claimed = [store.claim(name) for name in ("a", "b", "c")]
    assert [one and one.id for one in claimed] == [asked[0], asked[2], None]
    assert store.give_back("a", timedelta(0), is_attempt=True)
    again = store.claim("d")
    assert again is not None
    assert again.id == asked[0]


def test_what_a_killed_maker_left_is_made_by_the_next_and_thrice_is_enough(here: Scene, tmp_path: Path) -> None:
    store = here.sensors.exports.store
    export_id = ask(here, here.recorded(segment(0, 60)))
    for attempt in range(export_store.ATTEMPTS_MAX):
        assert store.claim(f"claim-{attempt}") is not None
        assert store.claim("another") is None, "while the claim lasts"
        here.sensors.exports.files.incoming(export_id, f"claim-{attempt}").write_bytes(b"half")
        here.clock.advance(export_store.CLAIMED_FOR.total_seconds())
    told = made(here, export_id)
    assert (told["status"], told["fault"]) == ("failed", "internal-error")
    here.sensors.exports.maker.sweep()
    assert left(tmp_path) == []
    assert not store.finish("claim-0", 1, "00"), "who lost the claim finishes nothing"


def test_a_child_that_crashes_is_tried_thrice(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    export_id = ask(here, here.recorded(segment(0, 60)))
    assert made(here, export_id)["fault"] == "internal-error"


def test_a_file_expires_and_is_deleted(here: Scene, tmp_path: Path) -> None:
    export_id = ask(here, here.recorded(segment(0, 60)))
    assert made(here, export_id)["status"] == "ready"
    here.sensors.exports.maker.sweep()
    assert left(tmp_path) == [f"{export_id}.csv"]
    here.clock.advance(KEPT.total_seconds())
    here.replica.pull()
    assert here.get(f"/v1/exports/{export_id}/file").status_code == 404
    here.sensors.exports.maker.sweep()
    told = here.get(f"/v1/exports/{export_id}").json["data"]
    assert (told["status"], told["file"], left(tmp_path)) == ("expired", None, [])


def test_a_clock_that_is_ahead_deletes_no_file_and_what_was_claimed_then_is_made_once_it_is_right(
    here: Scene, tmp_path: Path
) -> None:
    export_id = ask(here, here.recorded(segment(0, 60)))
    assert made(here, export_id)["status"] == "ready"
    here.sensors.clock_watch.tick()
    here.clock.set_by(timedelta(days=3))
    here.sensors.exports.maker.sweep()
    assert left(tmp_path) == [f"{export_id}.csv"]
    other = ask(here, here.recorded(segment(0, 60), station="BBB"))
    assert here.sensors.exports.store.claim("of a maker that ends") is not None
    here.clock.set_by(-timedelta(days=3))
    here.replica.pull()
    assert made(here, other)["status"] == "ready"
    assert file(here, export_id)


@pytest.mark.parametrize("leap", LEAPS)
def test_what_is_made_while_the_clock_is_wrong_is_kept_for_its_time(here: Scene, leap: timedelta) -> None:
    here.sensors.clock_watch.tick()
    here.clock.set_by(leap)
    here.replica.pull()
    export_id = ask(here, here.recorded(segment(0, 60)))
    assert made(here, export_id)["status"] == "ready"
    here.clock.set_by(-leap)
    here.clock.advance(KEPT.total_seconds() - TOLERANCE_SECONDS - 1)
    here.sensors.clock_watch.tick()
    here.sensors.exports.maker.sweep()
    here.replica.pull()
    assert file(here, export_id)


@pytest.mark.parametrize("leap", LEAPS)
def test_a_file_that_is_being_written_stays_wherever_the_clock_is_set(here: Scene, leap: timedelta) -> None:
    export_id, exports = ask(here, here.recorded(segment(0, 60))), here.sensors.exports
    assert exports.store.claim("of a maker that is slow") is not None
    written = exports.files.incoming(export_id, "slow")
    written.touch()
    os.utime(written, (here.clock.now().timestamp(),) * 2)
    here.sensors.clock_watch.tick()
    here.clock.set_by(leap)
    exports.maker.sweep()
    assert written.is_file()


def test_too_large_a_file_is_given_up(here: Scene, tmp_path: Path) -> None:
    here.sensors.exports.maker._bytes_max = 1000
    export_id = ask(here, here.recorded(segment(0, 60)))
    assert (made(here, export_id)["fault"], left(tmp_path)) == ("too-large", [])


def test_the_job_with_the_database_s_password_is_in_no_argument(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def noting(command: list[str], **how: Any) -> Any:
        started.append((command, how))
        return popen(command, **how)

    popen = subprocess.Popen
    monkeypatch.setattr("shared.runtime.child_process.subprocess.Popen", noting)
    made(here, ask(here, here.recorded(segment(0, 60))))
    ((command, how),) = started
    assert "sqlite" not in " ".join(command)
    assert how["env"].items() <= os.environ.items(), "it is told nothing by its environment"


def test_an_organisation_has_so_many_that_are_not_finished(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_store, "UNFINISHED_MAX", 2)
    sensor_id = here.recorded(segment(0, 60))
    ask(here, sensor_id)
    ask(here, sensor_id)
    body = {"sensor_ids": [sensor_id], "format": "csv", **DAY}
    assert here.ask("POST", "/v1/exports", CHIEF, json=body).status_code == 409


def read(tar: tarfile.TarFile, name: str) -> bytes:
    content = tar.extractfile(name)
    assert content is not None
    return content.read()
