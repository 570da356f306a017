"""A key's networks at the console: chosen by name, shown wherever its settings are, and refused as the API refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.keys import assembly
from services.keys.console.pages.network_names import KEPT_SECONDS
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NoBus
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import CREATE, REVIEW, Console, create, secret_in
from tests.integration.keys.console.usage_double import Usage
from tests.integration.web.management import Networks
from tests.service_database import service_database

NEW = "/console/keys/new"
SCRIPT = "<script>North</script>"
SHOWN = "&lt;script&gt;North&lt;/script&gt;"


class Scene:
    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.networks, self.usage, self.clock = Networks(), Usage(), clock
        keys = assembly.assemble(database, NoBus(), clock, lease_seconds=1, networks=self.networks)
        self.console = Console(keys)
        self.networks.known[self.console.organisation_id] = {"net_1": SCRIPT, "net_2": "South"}
        self.browser = Browser(self.console.at("http://127.0.0.1:8000", self.usage))
        self.browser.sign_in(self.console.link(name="Anna"))

    def key(self) -> Any:
        (key_id,) = self.console.ids()
        return self.console.keys.queries.get_key(self.console.organisation_id, key_id)

    def get(self, path: str) -> str:
        page = self.browser.get(path)
        assert page.status_code == 200, page.text
        return str(page.text)

    def time_passes(self) -> None:
        self.clock.advance(KEPT_SECONDS)


@pytest.fixture
def scene(tmp_path: Path, clock: ManualClock) -> Iterator[Scene]:
    database = service_database(None, tmp_path / "keys.db", assembly.MIGRATIONS)
    yield Scene(database, clock)
    database.close()


def test_networks_are_chosen_by_name_and_shown_by_name_wherever_a_key_is(scene: Scene) -> None:
    review = scene.browser.submit(
        scene.browser.get(NEW), NEW, button=REVIEW, name="Railway", permissions=["sensors:read"], networks=["net_1"]
    )
    assert SHOWN in review.text
    assert secret_in(scene.browser.submit(review, NEW, button=CREATE))
    key = scene.key()
    assert key.networks == ("net_1",)
    scene.usage.by_network = (("net_1", 7), ("net_9", 2))
    path = f"/console/keys/{key.id}"
    for page in (
        path,
        f"{path}/edit",
        f"{path}/past?at=2026-11-23T12:00",
        f"{path}/use?step=hour",
        f"{NEW}?like={key.id}",
    ):
        shown = scene.get(page)
        assert SHOWN in shown, page
        assert SCRIPT not in shown
    assert "net_9" in scene.get(path), "one that is not there any more is told by its id"
    listed = scene.get("/console/keys?network_id=net_1")
    assert "Railway" in listed
    assert SHOWN in listed
    assert "No key matches" in scene.get("/console/keys?network_id=net_2")


def test_a_key_is_narrowed_at_once_and_widened_with_a_new_secret_alone(scene: Scene) -> None:
    create(scene.browser, networks=["net_1"])
    path = f"/console/keys/{scene.key().id}/edit"
    wider = scene.browser.submit(scene.browser.get(path), path, networks=["net_1", "net_2"])
    assert wider.status_code == 409
    assert "This needs a new secret" in wider.text
    assert secret_in(scene.browser.submit(wider, path, regenerate="on"))
    assert scene.key().networks == ("net_1", "net_2")
    assert scene.browser.submit(scene.browser.get(path), path, networks=["net_2"]).status_code == 200
    assert scene.key().networks == ("net_2",)
    other = scene.browser.submit(scene.browser.get(path), path, name="Other")
    assert (other.status_code, scene.key().networks, scene.key().name) == (200, ("net_2",), "Other")


@pytest.mark.parametrize(
    "fields",
    [
        {"networks": ["net_7"]},
        {"networks": ["net_1"], "permissions": ["admin"]},
        {"networks": [f"net_{number}" for number in range(101)]},
    ],
    ids=["unknown", "admin", "too many"],
)
def test_what_cannot_be_is_told_at_its_field(scene: Scene, fields: dict[str, Any]) -> None:
    answer = create_or_refusal(scene, **fields)
    assert answer.status_code == 422
    assert 'href="#networks"' in answer.text
    assert scene.console.ids() == []


def test_while_sensors_is_away_pages_show_ids_and_forms_keep_what_was_chosen(scene: Scene) -> None:
    create(scene.browser, networks=["net_1"])
    path = f"/console/keys/{scene.key().id}"
    scene.time_passes()
    scene.networks.is_away, scene.networks.asked = True, 0
    assert "net_1" in scene.get(path)
    assert "cannot be asked right now" in scene.get(f"{path}/edit")
    assert scene.networks.asked == 1, "a page waits for it once"
    edited = scene.browser.submit(scene.browser.get(f"{path}/edit"), f"{path}/edit", name="Other")
    assert (edited.status_code, scene.key().name, scene.key().networks) == (200, "Other", ("net_1",))
    assert "cannot be asked right now" in create_or_refusal(scene, networks=["net_1"]).text
    scene.networks.is_away = False
    scene.time_passes()
    assert SHOWN in scene.get(path)


def test_a_network_that_was_deleted_is_said_to_open_nothing(scene: Scene) -> None:
    create(scene.browser, networks=["net_1"])
    scene.networks.known.clear()
    scene.time_passes()
    assert "it opens nothing" in scene.get(f"/console/keys/{scene.key().id}/edit")


def test_a_key_pasted_as_a_network_is_in_no_answer(scene: Scene) -> None:
    secret = secret_in(create(scene.browser))
    answer = create_or_refusal(scene, networks=[secret])
    assert answer.status_code == 422
    assert secret not in answer.text


def create_or_refusal(scene: Scene, **fields: Any) -> Any:
    typed = {"name": "Railway", "permissions": ["sensors:read"]} | fields
    review = scene.browser.submit(scene.browser.get(NEW), NEW, button=REVIEW, **typed)
    return review if review.status_code != 200 else scene.browser.submit(review, NEW, button=CREATE)
