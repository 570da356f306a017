"""Networks created, changed and deleted at the console, with the sensors service behind its own RPC arguments."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.keys.console.remote_sensors import RemoteSensors
from services.keys.revocation.session_fence import Role
from services.sensors import assembly
from services.sensors.assembly import Sensors
from services.sensors.networks.network import Settings
from services.sensors.networks.queries import NetworkView
from services.sensors.registry.visible import Visible
from services.sensors.service import SensorsService
from shared.messaging.rpc.call import CallFailed
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.web.application import NO_PROXIES
from tests.examples import ORIGIN, NoBus
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import DOCUMENT, Console
from tests.integration.sensors.networks.stations import stations

PATH = "/console/networks"
NEW = f"{PATH}/new"


class Calls:
    """In place of the calls over RabbitMQ: JSON goes in and comes out. `lost`: how many answers never come."""

    def __init__(self, sensors: Sensors) -> None:
        self.lost, self.is_away = 0, False
        self._service = SensorsService()
        parts = sensors.provided()
        self._service.network_commands = parts["sensors.network_commands"]  # type: ignore[assignment]
        self._service.overview = parts["sensors.overview"]  # type: ignore[assignment]
        self._service.sender = "keys"

    def call(self, service: str, method: str, *arguments: Any) -> Any:
        assert service == "sensors"
        if self.is_away:
            raise CallFailed("away")
        answer = getattr(self._service, method)(*json.loads(json.dumps(arguments)))
        if self.lost and not method.endswith("_states"):
            self.lost -= 1
            raise CallFailed("no answer")
        return json.loads(json.dumps(answer))


@pytest.fixture
def sensors(tmp_path: Path, clock: ManualClock) -> Iterator[Sensors]:
    database = Database.sqlite(tmp_path / "sensors.db")
    yield assembly.assemble(database, NoBus(), clock, tmp_path / "samples")
    database.close()


@pytest.fixture
def calls(sensors: Sensors) -> Calls:
    return Calls(sensors)


@pytest.fixture
def at(console: Console, calls: Calls) -> Any:
    """role → browser."""
    remote = RemoteSensors("memory://")
    remote._calls = calls  # type: ignore[assignment]
    door = console.keys.console(
        public_url="http://127.0.0.1:8000", proxies=NO_PROXIES, tiers={}, usage=None, sensors=remote, document=DOCUMENT
    )

    def signed_in(role: Role = Role.OWNER, name: str = "Anna") -> Browser:
        browser = Browser(door)
        browser.sign_in(console.link(role, name))
        return browser

    return signed_in


@pytest.fixture
def browser(at: Any) -> Browser:
    signed_in: Browser = at()
    return signed_in


def networks(sensors: Sensors, console: Console) -> tuple[NetworkView, ...]:
    return sensors.networks.queries.list_networks(Visible(organisation_id=console.organisation_id), 100).networks


def made(browser: Browser, **typed: Any) -> str:
    """Its path."""
    answer = browser.submit(browser.get(NEW), NEW, **{"name": "Costa", **typed})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_network_is_created_changed_archived_and_deleted(
    browser: Browser, sensors: Sensors, console: Console
) -> None:
    path = made(browser, name=" Costa <b> ", description="Al sur", api_access=None)
    (network,) = networks(sensors, console)
    assert path == f"{PATH}/{network.id}"
    assert (network.name, network.description) == ("Costa <b>", "Al sur")
    assert (network.api_access, network.accepts_new, network.archived) == (False, True, False)
    assert "Costa &lt;b&gt;" in browser.get(path).text
    edit = f"{path}/edit"
    done = browser.submit(browser.get(edit), edit, name="Sierra", description="", api_access="on", archived="on")
    assert (done.status_code, done.headers["Location"]) == (303, path)
    (network,) = networks(sensors, console)
    assert (network.name, network.description, network.api_access, network.archived) == ("Sierra", None, True, True)
    assert "Archived" in browser.get(path).text
    delete = f"{path}/delete"
    wrong = browser.submit(browser.get(delete), delete, name="Costa")
    assert wrong.status_code == 422
    assert "not the name" in wrong.text
    done = browser.submit(wrong, delete, name="Sierra ")
    assert (done.status_code, done.headers["Location"]) == (303, PATH)
    assert networks(sensors, console) == ()
    assert browser.get(path).status_code == browser.get(edit).status_code == browser.get(delete).status_code == 404


def test_the_log_names_the_person(browser: Browser, sensors: Sensors) -> None:
    made(browser)
    with sensors.store.reading() as tx:
        (row,) = sensors.store.after(tx, 0, 10)
    origin = json.loads(row.metadata)
    assert (origin["actor"][:4], origin["request_id"][:4]) == ("usr_", "req_")


def test_who_may_only_see_changes_nothing(at: Any, browser: Browser, sensors: Sensors, console: Console) -> None:
    path, user = made(browser), at(Role.USER, "Ben")
    page = user.get(path).text
    assert "/edit" not in page
    assert NEW not in user.get(PATH).text
    for address in (NEW, f"{path}/edit", f"{path}/delete"):
        assert user.get(address).status_code == 403
        posted = user.post(address, [("csrf", "x"), ("name", "Costa"), ("revision", "1")])
        assert posted.status_code == 403
    assert [one.revision for one in networks(sensors, console)] == [1]


@pytest.mark.parametrize(
    ("field", "text"), [("name", "  "), ("name", "x" * 101), ("name", "a\u200bb"), ("description", "a\x07b")]
)
def test_what_the_api_would_not_take_is_named_at_its_field(
    browser: Browser, sensors: Sensors, console: Console, field: str, text: str
) -> None:
    typed: dict[str, Any] = {"name": "Costa", field: text}
    answer = browser.submit(browser.get(NEW), NEW, **typed)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert networks(sensors, console) == ()


def test_a_pasted_key_is_in_no_answer(browser: Browser, sensors: Sensors, console: Console) -> None:
    secret = "grl_" + "A" * 49
    answer = browser.submit(browser.get(NEW), NEW, name=secret)
    assert answer.status_code == 422
    assert secret not in answer.text
    assert networks(sensors, console) == ()


def test_of_two_people_the_second_is_told_what_the_first_changed(
    at: Any, browser: Browser, sensors: Sensors, console: Console
) -> None:
    edit = f"{made(browser)}/edit"
    other = at(name="Ben")
    mine, theirs = browser.get(edit), other.get(edit)
    assert other.submit(theirs, edit, description="Ben's", api_access=None).status_code == 303
    told = browser.submit(mine, edit, name="Anna's", description="mine")
    assert told.status_code == 409
    assert "Somebody changed this network meanwhile" in told.text
    assert "Ben&#39;s" in told.text
    assert browser.submit(told, edit).status_code == 303
    (network,) = networks(sensors, console)
    assert (network.name, network.description, network.api_access) == ("Anna's", "mine", False)


def test_a_form_that_was_sent_twice_or_whose_answer_was_lost_makes_one_network(
    browser: Browser, calls: Calls, sensors: Sensors, console: Console
) -> None:
    page = browser.get(NEW)
    calls.lost = 1
    answer = browser.submit(page, NEW, name="Costa")
    assert answer.status_code == 503
    assert "did not answer within a second" in answer.text
    again, twice = browser.submit(answer, NEW), browser.submit(page, NEW, name="Costa")
    assert again.status_code == twice.status_code == 303
    assert len(networks(sensors, console)) == 1
    path = again.headers["Location"]
    calls.lost = 1
    answer = browser.submit(browser.get(f"{path}/edit"), f"{path}/edit", name="Sierra")
    assert answer.status_code == 503
    assert browser.submit(browser.submit(answer, f"{path}/edit"), f"{path}/edit").status_code == 303
    assert [(one.name, one.revision) for one in networks(sensors, console)] == [("Sierra", 2)]


def test_sensors_that_are_away_lose_nothing_that_was_typed(browser: Browser, calls: Calls) -> None:
    path = made(browser)
    new, edit = browser.get(NEW), browser.get(f"{path}/edit")
    calls.is_away = True
    for page, address in ((new, NEW), (edit, f"{path}/edit")):
        answer = browser.submit(page, address, name="Typed with care")
        assert answer.status_code == 503
        assert "Typed with care" in answer.text


def test_one_with_sensors_is_not_deleted_and_says_so(browser: Browser, sensors: Sensors, console: Console) -> None:
    path = made(browser)
    network_id = path.rsplit("/", 1)[1]
    page = browser.get(f"{path}/delete")
    sensors.importer.store(stations("AAA"), console.organisation_id, ORIGIN, network_id)
    answer = browser.submit(page, f"{path}/delete", name="Costa")
    assert answer.status_code == 409
    assert "1 sensor belongs to this network" in answer.text
    assert len(networks(sensors, console)) == 1


def test_deletion_asks_for_a_sign_in_of_the_last_hour(
    browser: Browser, clock: ManualClock, sensors: Sensors, console: Console
) -> None:
    path = made(browser)
    page = browser.get(f"{path}/delete")
    clock.advance(3601)
    answer = browser.submit(page, f"{path}/delete", name="Costa")
    assert answer.status_code == 403
    assert "Sign in again" in answer.text
    assert len(networks(sensors, console)) == 1


def test_another_organisation_s_network_is_as_unknown_as_none(browser: Browser, sensors: Sensors) -> None:
    theirs = sensors.networks.commands.create("org_another", Settings(name="Theirs"), ORIGIN)
    for network_id in (theirs, "net_none"):
        for verb in ("edit", "delete"):
            assert browser.get(f"{PATH}/{network_id}/{verb}").status_code == 404


def test_a_form_of_another_session_is_shown_again_and_not_done(
    at: Any, browser: Browser, sensors: Sensors, console: Console
) -> None:
    edit = f"{made(browser)}/edit"
    page, other = browser.get(edit), at(name="Ben")
    fields = [pair for pair in browser.form(page).fields if pair[0] != "name"] + [("name", "Kept text")]
    shown = other.post(edit, fields)
    assert "This form is shown again" in shown.text
    assert "Kept text" in shown.text
    assert other.submit(shown, edit).status_code == 303
    assert [one.name for one in networks(sensors, console)] == ["Kept text"]
