"""The state of the system: shown to those who run it and to nobody else; what a service does not tell is missing."""

from collections.abc import Mapping

import pytest

from services.keys.console.pages.system.system_state import WatchedSystem
from services.keys.console.remote_metrics import RemoteMetrics
from services.keys.revocation.session_fence import Role
from shared.runtime.clock import ManualClock
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console
from tests.integration.keys.console.test_key_list import tag_and_rows
from tests.receivers import receiver, status

PATH = "/console/system"
PUBLIC_URL = "http://127.0.0.1:8000"


class Services:
    """What they tell, to be changed."""

    def __init__(self) -> None:
        self.told: dict[str, str | None] = {"keys": requests(0), "usage": "grillo_log_diverged_total 0.0\n"}

    def __call__(self) -> Mapping[str, str | None]:
        return self.told


def requests(count: int) -> str:
    return f'grillo_requests_total{{service="keys",method="GET",status_class="2xx"}} {count}.0\n'


@pytest.fixture
def services() -> Services:
    return Services()


def visitor(console: Console, services: Services, operators: tuple[str, ...], language: str = "en") -> Browser:
    watched = WatchedSystem(measured=services, operators=operators)
    browser = Browser(console.at(PUBLIC_URL, system=watched), language)
    browser.sign_in(console.link(Role.USER, "Anna"))
    return browser


def test_who_runs_the_system_sees_it_and_others_see_no_such_page(console: Console, services: Services) -> None:
    operator = visitor(console, services, (console.organisation_id,), "fr")
    page = operator.get(PATH)
    assert page.status_code == 200
    assert "<h1>État du système</h1>" in page.text
    assert f'href="{PATH}"' in operator.get("/console/keys").text
    other = visitor(console, services, ("org_another",))
    for path in (PATH, f"{PATH}/state"):
        assert other.get(path).status_code == 404
    assert f'href="{PATH}"' not in other.get("/console/keys").text
    assert Browser(console.at(PUBLIC_URL, system=None)).get(PATH).status_code == 303, "who is not signed in signs in"


def test_an_open_page_shows_a_rate_and_what_went_wrong_and_is_unchanged_while_nothing_is(
    console: Console, services: Services, clock: ManualClock
) -> None:
    browser = visitor(console, services, (console.organisation_id,))
    tag, poll = tag_and_rows(browser.get(PATH))

    def polled() -> tuple[int, str]:
        nonlocal tag
        clock.advance(5)
        answer = browser.get(poll, **{"If-None-Match": tag})
        tag = answer.headers["etag"]
        return answer.status_code, answer.text

    polled()  # the first rate: none
    assert polled()[0] == 304
    services.told["keys"] = requests(60)
    code, text = polled()
    assert (code, "<dd>12</dd>" in text) == (200, True), "sixty in five seconds"
    assert "was put back" not in text
    services.told["usage"] = "grillo_log_diverged_total 3.0\n"
    assert "The log of keys was put back" in polled()[1]
    services.told["usage"] = requests(1000)
    polled()
    services.told["usage"] = None
    code, text = polled()
    assert (code, "The service usage did not answer within a second" in text) == (200, True)
    assert "<dd>–</dd>" in text
    services.told["usage"] = requests(1000)
    assert "<dd>0</dd>" in polled()[1], "what did not answer is no baseline"
    services.told["keys"] = requests(0)
    assert "<dd>–</dd>" in polled()[1], "it began anew: no rate"


def test_services_are_asked_at_their_internal_doors_and_one_that_does_not_answer_is_none() -> None:
    with receiver(status(200)) as door:
        asked = RemoteMetrics({"keys": door.url(""), "usage": "http://127.0.0.1:1"}, "the-token")()
        (received,) = door.received
    assert (set(asked), asked["keys"] is not None, asked["usage"]) == ({"keys", "usage"}, True, None)
    assert (received.path, received.headers["authorization"]) == ("/metrics", "Bearer the-token")
