"""One browser and one embedded server for all tests of this folder, on one worker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import visits
from tests.browser.visits import FRENCH, LOOKS, Look, Visit
from tests.e2e.running import Embedded

# `make browser`: every look, and a picture of each page. `make test`: French.
_PICTURES = os.environ.get("GRILLO_PICTURES")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "path" in metafunc.fixturenames:
        pages = metafunc.module.PAGES | (metafunc.module.ALIKE if _PICTURES else {})
        metafunc.parametrize(("name", "path"), pages.items(), ids=pages)
    if "look" in metafunc.fixturenames:
        metafunc.parametrize("look", LOOKS if _PICTURES else [FRENCH], ids=str)


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with Embedded(tmp_path_factory.mktemp("embedded") / "data") as running:
        yield running


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Ends with the assertion that no request has left for another host."""
    network_log = tmp_path_factory.mktemp("chromium") / "network.json"
    with sync_playwright() as playwright, visits.browser(playwright, network_log) as running:
        yield running
    assert visits.hosts_asked(network_log) == {"127.0.0.1"}


@pytest.fixture
def visitor(chromium: Browser, server: Embedded, look: Look) -> Iterator[Visit]:
    pictures = Path(_PICTURES) if _PICTURES else None
    with visits.visit(chromium, server.url, look, pictures) as visit:
        yield visit
