"""Exports over HTTP: who sees which, repetitions, downloads in parts, and what is refused."""

from typing import Any

import pytest

from services.sensors.networks.network import ChangeNetwork, Settings
from services.sensors.registry.visible import Visible
from tests.examples import ORIGIN
from tests.gate_examples import ORGANISATION
from tests.integration.sensors.exports.test_making import DAY, ask, file, made
from tests.integration.sensors.recordings.scene import CHIEF, ELSEWHERE, KEY, Scene, segment

OWNER = Visible(organisation_id=ORGANISATION)


def test_a_key_sees_its_own_exports_and_an_admin_key_its_organisation_s(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    its, chief_s = ask(here, sensor_id), ask(here, sensor_id, who=CHIEF)
    assert listed(here, KEY) == [its]
    assert set(listed(here, CHIEF)) == {its, chief_s}
    assert listed(here, ELSEWHERE) == []
    made(here, its)
    for path in (f"/v1/exports/{chief_s}", f"/v1/exports/{chief_s}/file"):
        assert here.get(path).status_code == 404
    assert file(here, its, CHIEF) == file(here, its)
    for path in (f"/v1/exports/{its}", f"/v1/exports/{its}/file"):
        foreign, unknown = here.get(path, ELSEWHERE), here.get(path.replace(its, "exp_" + "0" * 22), ELSEWHERE)
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json["detail"] == unknown.json["detail"]


def test_pages_are_newest_first(here: Scene) -> None:
    sensor_id = here.recorded(segment(0, 60))
    asked = []
    for _ in range(5):
        asked.append(ask(here, sensor_id))
        here.clock.advance(1)
    first = here.get("/v1/exports", limit=2).json
    assert [one["id"] for one in first["data"]] == asked[:2:-1]
    assert first["pagination"]["total"] == 5
    second = here.get("/v1/exports", limit=2, cursor=first["pagination"]["next_cursor"]).json
    assert [one["id"] for one in second["data"]] == [asked[2], asked[1]]
    assert [one["id"] for one in here.get("/v1/exports", limit=2, page=3).json["data"]] == [asked[0]]


def test_a_repetition_with_the_same_idempotency_key_asks_for_nothing_more(here: Scene) -> None:
    body = {"sensor_ids": [here.recorded(segment(0, 60))], "format": "csv", **DAY}
    first, again = (here.ask("POST", "/v1/exports", headers={"Idempotency-Key": "once"}, json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json["data"]["id"] == again.json["data"]["id"]
    assert again.headers["Idempotent-Replay"] == "true"
    assert len(listed(here, KEY)) == 1


@pytest.mark.parametrize("who", [KEY, CHIEF])
def test_an_export_names_no_sensor_that_its_reader_may_no_longer_see(here: Scene, who: int) -> None:
    open_, closed = here.recorded(segment(0, 60)), here.recorded(segment(0, 60), station="BBB")
    networks = here.sensors.networks
    network_id = networks.commands.create(ORGANISATION, Settings(name="Oaxaca"), ORIGIN)
    networks.moves.move(OWNER, network_id, [closed], ORIGIN)
    body, once = {"sensor_ids": [closed, open_], "format": "csv", **DAY}, {"Idempotency-Key": "once"}
    asked = here.ask("POST", "/v1/exports", who, once, json=body).json["data"]
    assert asked["sensor_ids"] == [closed, open_]
    networks.commands.change(OWNER, network_id, ChangeNetwork(api_access=False), ORIGIN)
    assert here.get(f"/v1/sensors/{closed}", who).status_code == 403
    (in_list,) = here.get("/v1/exports", who).json["data"]
    alone = here.get(f"/v1/exports/{asked['id']}", who).json["data"]
    again = here.ask("POST", "/v1/exports", who, once, json=body).json["data"]
    for told in (in_list, alone, again):
        assert (told["id"], told["sensor_ids"]) == (asked["id"], [open_])


def test_a_download_can_be_resumed_where_it_was_cut(here: Scene) -> None:
    export_id = ask(here, here.recorded(segment(0, 60)))
    early = here.get(f"/v1/exports/{export_id}/file")
    assert early.status_code == 409
    told = made(here, export_id)
    whole = here.get(told["file"], headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in whole.headers, "the ranges are of the file's own bytes"
    assert whole.headers["Content-Length"] == str(told["bytes"]) == str(len(whole.content))
    assert (whole.headers["ETag"], whole.headers["Accept-Ranges"]) == (f'"{told["sha256"]}"', "bytes")
    part = here.get(told["file"], headers={"Range": "bytes=100-199", "If-Range": whole.headers["ETag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{told['bytes']}"
    tail = here.get(told["file"], headers={"Range": "bytes=-10"})
    assert (tail.status_code, tail.content) == (206, whole.content[-10:])
    changed = here.get(told["file"], headers={"Range": "bytes=100-199", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    beyond = here.get(told["file"], headers={"Range": f"bytes={told['bytes']}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{told['bytes']}")
    assert here.get(told["file"], headers={"Range": "lines=1-2"}).status_code == 200


def test_a_file_is_not_sent_to_who_has_it_whatever_part_is_asked_for(here: Scene) -> None:
    told = made(here, ask(here, here.recorded(segment(0, 60))))
    tag = here.get(told["file"]).headers["ETag"]
    for known, part in ((tag, {}), (f'"another", W/{tag}', {}), ("*", {"Range": "bytes=0-9"})):
        again = here.get(told["file"], headers={"If-None-Match": known, **part})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert here.get(told["file"], headers={"If-None-Match": '"another"'}).status_code == 200
    assert here.get(told["file"], ELSEWHERE, {"If-None-Match": tag}).status_code == 404


@pytest.mark.parametrize(
    ("different", "status"),
    [
        ({"sensor_ids": []}, 422),
        ({"sensor_ids": ["sen_nowhere"]}, 403),
        ({"format": "sac"}, 422),
        ({"start": "1926-01-01", "end": "2026-01-01"}, 400),
        ({"start": "2026-01-02", "end": "2026-01-01"}, 400),
        ({"channel": "Z"}, 422),
        ({"sensor_ids": ["s"] * 10_000}, 422),
    ],
)
def test_what_cannot_be_exported_is_refused(here: Scene, different: dict[str, Any], status: int) -> None:
    body = {"sensor_ids": [here.recorded(segment(0, 60))], "format": "csv", **DAY, **different}
    answer = here.ask("POST", "/v1/exports", json=body)
    assert answer.status_code == status, answer.text
    assert listed(here, KEY) == []


def listed(here: Scene, who: int) -> list[str]:
    return [one["id"] for one in here.get("/v1/exports", who).json["data"]]
