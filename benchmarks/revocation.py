"""How long a revocation takes, embedded, from the commit to the last gate's acknowledgement, with readers at work.

Prints milliseconds. What bounds it on an idle machine: two durable commits (the event, the gate's row) and the
look-up interval of the waiting revoker (2 ms).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading

import httpx

REVOCATIONS = 200
READERS = 2
ADMINS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "services.cli", "up", "--port", "0", "--data", f"{folder}/data", "--json"]
        system = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert system.stdout is not None
            measure(json.loads(system.stdout.readline()))
        finally:
            system.terminate()
            system.wait()


def measure(announced: dict[str, str]) -> None:
    client = httpx.Client(base_url=announced["url"], timeout=30)
    first = announced["admin_key"]
    admins = [create(client, first, "admin")["key"] for _ in range(ADMINS)]
    is_over, answers = threading.Event(), [0] * READERS
    readers = [threading.Thread(target=read, args=(announced, is_over, answers, number)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    elapsed = []
    for number in range(REVOCATIONS):
        admin = admins[number % ADMINS]
        key = create(client, admin, "sensors:read")
        answer = client.post(f"/v1/keys/{key['id']}/revoke", headers=bearer(admin)).json()
        elapsed.append(answer["receipt"]["elapsed_ms"])
        refused = client.get("/v1/sensors", headers=bearer(key["key"]))
        assert refused.status_code == 401
    is_over.set()
    for reader in readers:
        reader.join()
    cuts = statistics.quantiles(elapsed, n=100)
    print(f"{REVOCATIONS} revocations beside {sum(answers)} reads; receipt after, in ms:")
    print(f"  p50 {cuts[49]:.1f}   p95 {cuts[94]:.1f}   p99 {cuts[98]:.1f}   max {max(elapsed)}")


def read(announced: dict[str, str], is_over: threading.Event, answers: list[int], number: int) -> None:
    with httpx.Client(base_url=announced["url"], timeout=30) as client:
        while not is_over.is_set():
            client.get("/healthz")
            answers[number] += 1


def create(client: httpx.Client, admin: str, permission: str) -> dict[str, str]:
    body = {"name": "Benchmark", "permissions": [permission]}
    answer = client.post("/v1/keys", json=body, headers=bearer(admin))
    created: dict[str, str] = answer.raise_for_status().json()
    return created


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


if __name__ == "__main__":
    main()
