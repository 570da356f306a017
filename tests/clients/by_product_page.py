"""A program written by the product's public pages: backs off on 429, warns of a low limit, reads error.code."""

import os
import sys
import time

import requests

URL = os.environ["GRILLO_URL"] + "/v1"


def get(path: str, key: str) -> requests.Response:
    for _ in range(3):
        answer = requests.get(URL + path, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        if answer.status_code != 429:
            break
        problem = answer.json()["error"]
        assert problem["code"] == "rate_limit_exceeded"
        assert problem["retry_after"] == int(answer.headers["Retry-After"])
        print("waits")
        time.sleep(int(answer.headers["Retry-After"]))
    remaining = int(answer.headers["X-RateLimit-Remaining"])
    if remaining < 10:
        print("low", remaining, "of", int(answer.headers["X-RateLimit-Limit"]))
    return answer


key = os.environ["GRILLO_API_KEY"]
for _ in range(int(sys.argv[1])):
    answer = get("/sensors?limit=1", key)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-RateLimit-Reset"]) >= time.time() - 1
refused = get("/keys", key)
assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
assert refused.json()["meta"]["request_id"] == refused.headers["X-Request-Id"]
unknown = requests.get(URL + "/sensors", headers={"Authorization": "Bearer nonsense"}, timeout=30)
assert (unknown.status_code, unknown.json()["error"]["code"]) == (401, "unauthorized")
wrong = get("/sensors?limit=1000", key)
assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_request")
print("done")
