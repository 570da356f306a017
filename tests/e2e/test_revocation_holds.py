"""G1 from outside: whatever is asked after a revocation's answer is refused."""

import os
import subprocess
import threading
import time
from itertools import cycle
from pathlib import Path

import pytest

from tests.e2e.running import GRILLO, Distributed, Embedded, System

REVOCATIONS = 60
CALLERS = 3


def test_no_request_sent_after_a_receipt_is_admitted(system: System) -> None:
    """Many requests around sixty revocations, each judged by when it was sent. A thief sends more (tests/trust)."""
    admins = cycle([system.create_key("admin")[1] for _ in range(4)])  # no admin key runs into its own limit
    secrets: list[str] = []
    revoked_at: dict[str, float] = {}
    late_admissions: list[str] = []
    sent = [0] * CALLERS
    is_over = threading.Event()

    def call(caller: int) -> None:
        with system.client() as client:
            while not is_over.is_set():
                for secret in secrets[-3:]:
                    receipt_at, began = revoked_at.get(secret), time.monotonic()
                    status = client.get("/v1/events", headers={"Authorization": f"Bearer {secret}"}).status_code
                    sent[caller] += 1
                    if receipt_at is not None and receipt_at < began and status != 401:
                        late_admissions.append(f"{status} for a key whose receipt was {began - receipt_at:.4f} s old")

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    with system.client() as client:
        for _ in range(REVOCATIONS):
            headers = {"Authorization": f"Bearer {next(admins)}"}
            created = client.post(
                "/v1/keys", json={"name": "Short-lived", "permissions": ["events:read"]}, headers=headers
            ).json()
            secrets.append(created["key"])
            assert client.get("/v1/events", headers={"Authorization": f"Bearer {created['key']}"}).status_code == 200
            answer = client.post(f"/v1/keys/{created['id']}/revoke", headers=headers)
            assert answer.json()["receipt"]["propagated"]
            revoked_at[created["key"]] = time.monotonic()
            at_once = client.get("/v1/events", headers={"Authorization": f"Bearer {created['key']}"})
            assert at_once.status_code == 401
    is_over.set()
    for caller in callers:
        caller.join()
    assert late_admissions == []
    assert sum(sent) > 800, "too few requests to say anything"


@pytest.mark.xdist_group("embedded")
def test_a_key_is_revoked_while_an_import_runs(embedded: Embedded, openeew: Path) -> None:
    """The import is numeric work for seconds; in a process of its own it holds nothing up."""
    files = sorted(str(file) for file in openeew.glob("records/*/*/*.jsonl.gz"))
    importing = subprocess.Popen(
        [*GRILLO, "sensors", "import", *files, "--data", str(embedded.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    during = 0
    while importing.poll() is None:
        key_id, secret = embedded.create_key("sensors:read")
        with embedded.client(secret) as reader, embedded.admin() as admin:
            assert reader.get("/v1/sensors").status_code == 200
            assert admin.post(f"/v1/keys/{key_id}/revoke").json()["receipt"]["propagated"]
            assert reader.get("/v1/sensors").status_code == 401
        during += importing.poll() is None
    _, errors = importing.communicate()
    assert importing.returncode == 0, errors
    assert during > 0, "the import was over before a single revocation"


@pytest.mark.xdist_group("distributed")
def test_workers_that_can_wait_step_back_and_nothing_that_a_revocation_needs_does(distributed: Distributed) -> None:
    """Where cores are scarce they would be at work on the same event as the gates, at the same moment."""
    niceness = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, pid in distributed.stack.pids()}
    stepped_back = {role.split(":")[0] for role, nice in niceness.items() if nice > min(niceness.values())}
    assert stepped_back == {"usage", "sensors"}
    assert all("worker" in role for role, nice in niceness.items() if nice > min(niceness.values()))
