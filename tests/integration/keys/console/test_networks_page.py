"""Pages of networks and their sensors: how they are, the last minute drawn, and a service that is away is said."""

from dataclasses import replace
from typing import Any

import pytest

from services.keys.console.pages.networks.network_states import (
    Minute,
    NetworkPage,
    NetworkState,
    NoSuchNetwork,
    SensorPage,
    SensorsAway,
    SensorState,
)
from services.keys.revocation.session_fence import Role
from shared.web.application import NO_PROXIES
from tests.examples import NOON
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import DOCUMENT, Console

PATH = "/console/networks"
COAST = NetworkState(
    id="net_1",
    name="Costa <b>",
    api_access=False,
    accepts_new=True,
    archived=False,
    total_sensors=2,
    online_sensors=1,
    data_completeness=0.754,
)
SENSORS = (
    SensorState(
        id="sen_1",
        name="Escuela",
        status="online",
        last_sample_at=NOON,
        data_completeness=0.5,
        last_minute=Minute(channel="BHZ", ends_at=NOON, lows=(0.0, None), highs=(1.0, None)),
    ),
    SensorState(id="sen_2", name="Puente", status="offline"),
)


class Sensors:
    """`asked`: whose networks, and the pages."""

    def __init__(self) -> None:
        self.is_there, self.coast = True, COAST
        self.asked: list[tuple[str, ...]] = []

    def networks(self, organisation_id: str, after: str) -> NetworkPage:
        self._answer(organisation_id, after)
        return NetworkPage(networks=(self.coast,), total=1, next_after="2026 net_1")

    def sensors(self, organisation_id: str, network_id: str, after: str) -> SensorPage:
        self._answer(organisation_id, network_id, after)
        if network_id != "net_1":
            raise NoSuchNetwork
        return SensorPage(network=self.coast, sensors=SENSORS, total=2)

    def _answer(self, *asked: str) -> None:
        self.asked.append(asked)
        if not self.is_there:
            raise SensorsAway


@pytest.fixture
def sensors() -> Sensors:
    return Sensors()


@pytest.fixture
def browser(console: Console, sensors: Sensors) -> Browser:
    """Who may only see may see this."""
    asked: Any = sensors  # what these pages only look at
    door = console.keys.console(
        public_url="http://127.0.0.1:8000", proxies=NO_PROXIES, tiers={}, usage=None, sensors=asked, document=DOCUMENT
    )
    browser = Browser(door)
    browser.sign_in(console.link(Role.USER))
    return browser


def test_networks_are_listed_with_how_they_are(console: Console, browser: Browser, sensors: Sensors) -> None:
    page = browser.get(PATH)
    assert sensors.asked == [(console.organisation_id, "")]
    assert f'href="{PATH}/net_1">Costa &lt;b&gt;</a>' in page.text
    assert "75.4 %" in page.text
    assert "Closed to keys" in page.text
    assert f'href="{PATH}?after=2026+net_1"' in page.text
    browser.get(f"{PATH}?after=2026+net_1")
    assert sensors.asked[-1] == (console.organisation_id, "2026 net_1")


def test_a_network_shows_its_sensors_and_draws_their_last_minute(browser: Browser) -> None:
    page = browser.get(f"{PATH}/net_1").text
    assert page.index("Escuela") < page.index("Puente")
    assert page.count('<svg class="minute-line"') == 1
    assert 'aria-label="Last minute of BHZ"' in page
    assert "no recordings" in page
    assert ("Online" in page, "Offline" in page) == (True, True)


def test_a_network_that_is_nobody_s_is_not_found(browser: Browser) -> None:
    assert browser.get(f"{PATH}/net_2").status_code == 404


def test_what_the_sensors_service_does_not_answer_is_said(browser: Browser, sensors: Sensors) -> None:
    sensors.is_there = False
    for path in (PATH, f"{PATH}/net_1"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "did not answer within a second" in page.text


def test_an_archived_network_says_so(browser: Browser, sensors: Sensors) -> None:
    sensors.coast = replace(COAST, archived=True, api_access=True, data_completeness=None)
    page = browser.get(PATH).text
    assert "Archived" in page
    assert "not known" in page
    assert "Closed to keys" not in page
