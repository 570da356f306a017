"""A program written by the product's public pages: lists, filters and pages through seismic events, and shows one."""

import csv
import io
import os

import requests

URL = os.environ["GRILLO_URL"] + "/v1"
HEADERS = {"Authorization": f"Bearer {os.environ['GRILLO_API_KEY']}"}
EXPORTED = ["event_id", "time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type"]


def get(path: str, **params: object) -> requests.Response:
    answer = requests.get(URL + path, headers=HEADERS, params=params, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


found, page, pages = [], 1, 1
while page <= pages:
    body = get("/events", min_magnitude=2, max_magnitude=9, end="2013-01-01T00:00:00Z", page=page, limit=2).json()
    assert body["meta"]["request_id"], body["meta"]["timestamp"]
    assert (body["pagination"]["page"], body["pagination"]["limit"]) == (page, 2)
    found += body["data"]
    pages, page = body["pagination"]["pages"], page + 1
assert len(found) == body["pagination"]["total"] >= 3
assert [event["origin_time"] for event in found] == sorted((event["origin_time"] for event in found), reverse=True)

near = get("/events", lat=41.8, lon=79.7, radius=50, start="2012-04-04T00:00:00Z", end="2012-04-05T00:00:00Z").json()
(event,) = near["data"]
assert event["id"].startswith("evt_")
assert (event["magnitude"], event["magnitude_type"], event["depth_km"]) == (4.4, "mb", 1.0)
assert (event["location_description"], event["status"], event["network_id"]) == ("KYRGYZSTAN", "reviewed", None)

details = get(f"/events/{event['id']}").json()["data"]
assert (details["quality"]["stations_used"], details["quality"]["azimuthal_gap"]) == (16, 231)
assert (
    details["depth_uncertainty_km"] is details["horizontal_uncertainty_km"] is details["magnitude_uncertainty"] is None
)
assert (details["stations"], details["quality"]["rms_residual"]) == ([], None)
assert details["created_at"] > details["origin_time"]

rows = csv.DictReader(io.StringIO(get("/events/export", format="csv", start="2012-04-04T00:00:00Z").text))
assert rows.fieldnames == EXPORTED
assert event["id"] in [row["event_id"] for row in rows]
print("done")
