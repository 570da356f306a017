"""Starting, stopping, being killed, and starting again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import local_http
from tests.e2e.running import GRILLO, SECRET, Embedded, eventually, grillo

pytestmark = pytest.mark.xdist_group("embedded")


def test_a_second_start_knows_every_key(data: Path) -> None:
    with Embedded(data) as first:
        _, secret = first.create_key("sensors:read")
        assert first.stop(signal.SIGINT) == 0
    with Embedded(data, admin_key=first.admin_key) as second:
        assert second.announced["admin_key"] is None
        with second.client(secret) as reader:
            assert reader.get("/v1/sensors").status_code == 200
        assert second.stop(signal.SIGTERM) == 0


def test_killed_under_load_it_has_counted_every_answer_once_and_forgets_no_quota(data: Path) -> None:
    answered: set[str] = set()
    with Embedded(data) as first:
        key_id, secret = first.create_key("sensors:read")
        with first.client(secret) as reader:
            for number in range(120):
                request_id = f"ledger-{number}"
                assert reader.get("/v1/sensors?limit=1", headers={"X-Request-Id": request_id}).status_code == 200
                answered.add(request_id)
        first.process.kill()
        first.process.wait()
    with Embedded(data, admin_key=first.admin_key) as second, second.admin() as admin:
        used = eventually(lambda: admin.get(f"/v1/keys/{key_id}/usage").json(), lambda used: used["total"] >= 120)
        assert used["total"] == 120
        with second.client(secret) as reader:
            left = reader.get("/v1/sensors?limit=1").headers["RateLimit"]
        assert left.startswith('"minute";r=179;')
        assert '"day";r=99879;' in left


def test_a_second_system_on_the_same_folder_is_refused_in_one_line(embedded: Embedded) -> None:
    refused = grillo("up", "--port", "0", "--data", str(embedded.data))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"in use by another `grillo up`, process {embedded.process.pid}" in refused.stderr


def test_a_port_in_use_is_named_and_nothing_is_left_behind(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = grillo("up", "--port", str(port), "--data", str(data))
    assert refused.returncode == 1
    assert refused.stderr == f"grillo: port {port} is in use. Stop what listens there, or choose another with --port.\n"
    assert not list(data.glob("*.sqlite"))


def test_a_folder_that_is_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    refused = grillo("up", "--port", "0", "--data", str(tmp_path / "data"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"grillo: {tmp_path / 'data'} cannot be used as the data folder:")


def test_a_folder_that_may_not_be_made_is_named() -> None:
    """Not even root may make folders in /sys."""
    refused = grillo("up", "--port", "0", "--data", "/sys/grillo")
    assert refused.returncode == 1
    assert refused.stderr.startswith("grillo: /sys/grillo cannot be used as the data folder:")
    assert refused.stderr.count("\n") == 1


def test_a_door_that_falls_ends_the_process_in_one_line(data: Path) -> None:
    """Else it would live on and answer nobody, and nothing would start it again."""
    program = """if True:
        import socket, sys
        from services.embedded import system
        start = system.Embedded.start
        def start_and_fall(self, public, *others):
            start(self, public, *others)
            public.shutdown(socket.SHUT_RDWR)
        system.Embedded.start = start_and_fall
        from services.cli import main
        main()
    """
    command = [sys.executable, "-c", program, "up", "--port", "0", "--data", str(data)]
    fallen = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert fallen.returncode == 1
    assert fallen.stderr.splitlines()[-1].startswith("grillo: a door stopped accepting connections")
    assert "Traceback" not in fallen.stderr


def test_a_wrong_lease_is_refused_before_anything_starts(data: Path) -> None:
    refused = subprocess.run(
        [*GRILLO, "up", "--port", "0", "--data", str(data)],
        env=os.environ | {"GATE_LEASE_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert refused.returncode == 1
    assert "GATE_LEASE_SECONDS must be a number of seconds" in refused.stderr


def test_another_user_of_the_machine_can_read_no_file_and_move_no_gate(embedded: Embedded) -> None:
    files = {file.name: file.stat().st_mode & 0o077 for file in embedded.data.rglob("*") if file.is_file()}
    assert {"keys.sqlite", "keys.sqlite-wal", "internal-token", "keys-signing-key"} <= files.keys()
    assert set(files.values()) == {0}
    assert local_http.request("DELETE", f"{embedded.internal_url}/internal/gates/gate_1").status_code == 401
    assert local_http.get(f"{embedded.internal_url}/internal/feed", params={"gate": "ghost"}).status_code == 401
    assert "grillo_requests_total" in embedded.metrics()


def test_no_secret_is_on_disk_or_in_any_output(embedded: Embedded) -> None:
    _, secret = embedded.create_key("sensors:read", name="Watched")
    with embedded.client(secret) as reader:
        assert reader.get("/v1/sensors", params={"api_key": secret}).status_code == 400
        reader.get(f"/v1/sensors/{secret}", headers={"User-Agent": secret, "X-Request-Id": secret, "Referer": secret})
        reader.get(f"/{secret}")
    with embedded.admin() as admin:
        eventually(lambda: admin.get("/v1/keys").json()["data"][0]["last_used_at"], lambda moment: moment is not None)
    files = [file for file in embedded.data.rglob("*") if file.is_file()]
    assert any(file.suffix == ".segment" for file in files)
    assert [file.name for file in files if SECRET.search(file.read_bytes())] == []
    assert SECRET.search(embedded.errors().encode()) is None
