"""A program written by the product's public pages: networks with their statistics, and each one's sensors and data."""

import os
from datetime import datetime, timedelta

import requests

URL = os.environ["GRILLO_URL"] + "/v1"
HEADERS = {"Authorization": f"Bearer {os.environ['GRILLO_API_KEY']}"}


def get(path: str, **params: object) -> requests.Response:
    answer = requests.get(URL + path, headers=HEADERS, params=params, timeout=30)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-RateLimit-Remaining"]) <= int(answer.headers["X-RateLimit-Limit"])
    return answer


seen = []
networks = get("/networks", page=1, limit=100).json()
assert networks["pagination"] == networks["pagination"] | {"page": 1, "limit": 100, "pages": 1}
assert len(networks["data"]) == networks["pagination"]["total"] >= 1
for network in networks["data"]:
    assert network["id"].startswith("net_"), network
    assert network["name"], network["organization_id"]
    assert datetime.fromisoformat(network["created_at"]).tzinfo
    shown = get(f"/networks/{network['id']}").json()["data"]
    assert shown == network
    stats = get(f"/networks/{network['id']}/stats").json()["data"]
    assert (stats["network_id"], stats["total_sensors"]) == (network["id"], network["sensor_count"])
    assert stats["online_sensors"] + stats["offline_sensors"] == stats["total_sensors"]
    assert stats["events_30d"] >= 0
    assert stats["data_completeness"] is None or 0 <= stats["data_completeness"] <= 1
    found, page, pages = [], 1, 1
    while page <= pages:
        body = get("/sensors", network_id=network["id"], page=page, limit=2).json()
        found += body["data"]
        pages, page = body["pagination"]["pages"], page + 1
    assert len({sensor["id"] for sensor in found}) == network["sensor_count"]
    assert {sensor["network_id"] for sensor in found} <= {network["id"]}
    offline = get("/sensors", network_id=network["id"], status="offline", limit=100).json()["data"]
    assert {sensor["id"] for sensor in offline} == {sensor["id"] for sensor in found if sensor["status"] == "offline"}
    seen += [sensor for sensor in found if sensor["last_seen"] and sensor["location"]]

# One that has the component that is asked for below.
sensor = next(one for one in seen if any(channel["code"].endswith("Z") for channel in one["channels"]))
details = get(f"/sensors/{sensor['id']}").json()["data"]
assert details["station_code"] == sensor["station_code"]
assert {"serial_number", "type", "network_code", "location_code", "firmware_version", "created_at"} <= details.keys()
assert {"latitude", "longitude", "elevation", "site_name"} <= details["location"].keys()
end = datetime.fromisoformat(sensor["last_seen"])
minute = {"start": (end - timedelta(seconds=10)).isoformat(), "end": end.isoformat(), "channel": "HNZ"}
data = get(f"/sensors/{sensor['id']}/data", **minute, format="json").json()["data"]
assert data["sensor_id"] == sensor["id"]
seconds = datetime.fromisoformat(data["end_time"]) - datetime.fromisoformat(data["start_time"])
assert abs(seconds / timedelta(seconds=1) * data["sample_rate"] - (len(data["samples"]) - 1)) < 1.5
assert len(get(f"/sensors/{sensor['id']}/data", **minute, format="miniseed").content) % 128 == 0
print("done")
