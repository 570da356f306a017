"""Seismic events: a first start has some, and `grillo events import` brings catalogues while the server runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import Embedded, grillo

pytestmark = pytest.mark.xdist_group("embedded")


def test_a_key_for_events_finds_some_at_once(embedded: Embedded) -> None:
    _, secret = embedded.create_key("events:read")
    with embedded.client(secret) as client:
        events = client.get("/v1/events", params={"end": "2012-04-05T00:00:00Z", "start": "2012-04-04T00:00:00Z"})
        assert [event["location_description"] for event in events.json()["data"]] == [
            "KYRGYZSTAN",
            "EASTERN TURKEY",
            "CENTRAL TURKEY",
        ]
        assert client.get(f"/v1/events/{events.json()['data'][0]['id']}").json()["data"]["revision"] == 1


def test_catalogues_are_imported_once_and_what_was_exported_is_nothing_new(
    embedded: Embedded, openeew: Path, tmp_path: Path
) -> None:
    catalogue = str(openeew / "catalogue.txt")
    assert _import(embedded, catalogue)["events"]["added"] == 4085
    again = _import(embedded, catalogue)
    assert (again["events"]["added"], again["events"]["repeated"], again["rejected"]) == (0, 4086, [])
    exported = tmp_path / "exported.xml"
    with embedded.admin() as admin:
        near = {"lat": 16.2, "lon": -98.0, "radius": 50, "min_magnitude": 7}
        assert [event["magnitude"] for event in admin.get("/v1/events", params=near).json()["data"]] == [7.2]
        with admin.stream("GET", "/v1/events/export", params={"format": "quakeml"}) as answer:
            exported.write_bytes(answer.read())
    assert _import(embedded, str(exported))["events"]["repeated"] == 4085 + 3


def test_a_catalogue_that_cannot_be_read_costs_only_itself_and_the_exit_status(
    embedded: Embedded, tmp_path: Path
) -> None:
    hostile, broken = tmp_path / "hostile.xml", tmp_path / "catalogue.txt"
    hostile.write_text('<!DOCTYPE q [<!ENTITY e SYSTEM "file:///etc/passwd">]><q>&e;</q>')
    good = "name = e2e-1\ntime = 2020-01-01 00:00:00\nlatitude = 1\nlongitude = 1\n"
    broken.write_text(f"{good}----\n{good.replace('e2e-1', 'e2e-2').replace('= 1', '= 100')}----\n")
    done = grillo("events", "import", str(hostile), str(broken), "--data", str(embedded.data), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [one["file"] for one in told["failed"]] == [str(hostile)]
    assert "declares a document type" in told["failed"][0]["reason"]
    assert [(one["event"], one["reason"][:9]) for one in told["rejected"]] == [("line 6", "latitude:")]
    assert told["events"]["rejected"] == 1
    shown = grillo("events", "import", str(broken), "--data", str(embedded.data))
    assert (shown.returncode, shown.stdout) == (
        0,
        "1 catalogues, 2 events: 0 added, 0 revised, 0 withdrawn, 1 repeated, 1 rejected.\n",
    )
    assert f"{broken}, line 6: latitude:" in shown.stderr


def test_events_join_the_network_that_is_named(embedded: Embedded, tmp_path: Path) -> None:
    with embedded.admin() as admin:
        made = admin.post("/v1/networks", json={"name": "Costa de catálogos"})
        assert made.status_code == 201, made.text
        network_id = made.json()["data"]["id"]
        catalogue = tmp_path / "catalogue.txt"
        catalogue.write_text("name = e2e-3\ntime = 2020-01-01 00:00:00\nlatitude = 1\nlongitude = 1\n")
        assert _import(embedded, str(catalogue), "--network", "Costa de catálogos")["events"]["added"] == 1
        assert _import(embedded, str(catalogue))["events"]["repeated"] == 1
        events = admin.get("/v1/events", params={"network_id": network_id}).json()["data"]
        assert [event["network_id"] for event in events] == [network_id]
    unknown = grillo("events", "import", str(catalogue), "--network", "none", "--data", str(embedded.data))
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no network 'none'" in unknown.stderr


def _import(embedded: Embedded, *files: str) -> dict[str, Any]:
    done = grillo("events", "import", *files, "--data", str(embedded.data), "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
