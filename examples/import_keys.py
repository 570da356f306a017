"""Takes keys of another system along to Grillo: from a CSV file, by the SHA-256 of their secrets (docs/moving.md).

`python3 examples/import_keys.py FILE` needs nothing but Python; GRILLO_URL and GRILLO_API_KEY say where to and as whom
(a key with `admin`). The file's columns: `name`, `permissions` (separated by spaces), and `sha256` (hexadecimal or
base64) or `secret`, which is hashed here and sent nowhere; `expires_at` if there is any. A thousand lines go in one
request, all of them or none; run again after a lost answer, it repeats and makes nothing twice.
"""

import base64
import csv
import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

KEYS_MAX = 1000
SECONDS_MAX = 60


def digest(row):
    """In hexadecimal, of whichever the row has."""
    if secret := row.get("secret"):
        return hashlib.sha256(secret.encode()).hexdigest()
    told = row["sha256"].strip()
    return told.lower() if len(told) == 64 else base64.b64decode(told + "=" * (-len(told) % 4)).hex()


def key(row):
    made = {"sha256": digest(row), "name": row["name"], "permissions": row["permissions"].split()}
    return made | ({"expires_at": row["expires_at"]} if row.get("expires_at") else {})


def send(keys, url, admin):
    """The answer's status and its document."""
    body = json.dumps({"keys": keys}).encode()
    headers = {
        "Authorization": f"Bearer {admin}",
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
    }
    request = urllib.request.Request(f"{url}/v1/keys/import", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)
    except OSError as error:
        sys.exit(f"{url} did not answer ({error}): run this again, what was taken is not taken twice.")


def main():
    url, admin = os.environ.get("GRILLO_URL", "http://127.0.0.1:8000"), os.environ["GRILLO_API_KEY"]
    with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
        keys = [key(row) for row in csv.DictReader(file)]
    for first in range(0, len(keys), KEYS_MAX):
        status, told = send(keys[first : first + KEYS_MAX], url, admin)
        if status != 201:
            print(f"From line {first + 2} on nothing was taken: {told['title']}. {told.get('detail', '')}".rstrip())
            for pointer, faults in told.get("errors", {}).items():
                at, _, where = pointer.removeprefix("/keys/").partition("/")
                line = f"line {first + int(at) + 2}, {where or 'the key'}" if at.isdigit() else "the request"
                print(f"  {line}: {'; '.join(faults)}")
            sys.exit(1)
        for made in told["data"]:
            print(made["id"], made["hint"], made["name"])


main()
