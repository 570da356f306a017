"""One browser and one embedded server for the tests of this folder: one of each for each worker of `make browser`."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from shared.gate.authentication.credential import hint_of
from tests.browser import visits
from tests.browser.network_log import NetworkLog
from tests.browser.person import Person
from tests.browser.visits import FRENCH, LOOKS, Look, Visit
from tests.e2e.running import SECRET, Embedded

# `make browser`: every look, and a picture of each page. `make test`: French.
_PICTURES = os.environ.get("GRILLO_PICTURES")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    looks = LOOKS if _PICTURES else [FRENCH]
    if "path" in metafunc.fixturenames:
        # What the same templates make differs by its words, and so by how wide it is; the rest is seen of PAGES.
        alike = [look for look in looks if look.differs_by_words] if _PICTURES else []
        seen = [(look, *page) for look in looks for page in metafunc.module.PAGES.items()]
        seen += [(look, *page) for look in alike for page in metafunc.module.ALIKE.items()]
        metafunc.parametrize(("look", "name", "path"), seen, ids=[f"{name}-{look}" for look, name, _ in seen])
    elif "look" in metafunc.fixturenames:
        metafunc.parametrize("look", looks, ids=str)


@pytest.fixture(scope="package")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its data, and what it prints."""
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(scope="package")
def server(server_folder: Path) -> Iterator[Embedded]:
    with Embedded(server_folder / "data") as running:
        yield running


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory, server_folder: Path) -> Iterator[Browser]:
    """Ends with what must hold of all that was seen: no request has left for another host, and each secret was in one
    answer and is nowhere else."""
    file = tmp_path_factory.mktemp("chromium") / "network.json"
    with sync_playwright() as playwright, visits.browser(playwright, file) as running:
        yield running
    log = NetworkLog(file)
    assert log.hosts_asked() == {"127.0.0.1"}
    bodies = log.bodies()
    assert any(b"<html" in body for body in bodies), "the log has no answers"
    answers = Counter(secret for body in bodies for secret in set(SECRET.findall(body)))
    assert [hint_of(secret.decode()) for secret, times in answers.items() if times > 1] == []
    kept = {path: path.read_bytes() for path in server_folder.rglob("*") if path.is_file()}
    assert [
        (path, hint_of(secret.decode())) for path, text in kept.items() for secret in answers if secret in text
    ] == []


@pytest.fixture(scope="package")
def signed_in(chromium: Browser, server: Embedded) -> StorageState:
    """Of a session that tests share; a test that ends it signs in anew."""
    with visits.visit(chromium, server.url, FRENCH) as visit:
        Person(visit).sign_in(server)
        return visit.page.context.storage_state()


@pytest.fixture
def person(chromium: Browser, server: Embedded, signed_in: StorageState, look: Look) -> Iterator[Person]:
    """Signed in, at the list of keys."""
    pictures = Path(_PICTURES) if _PICTURES else None
    with visits.visit(chromium, server.url, look, pictures, state=signed_in) as visit:
        visit.go("/console/keys")
        yield Person(visit)


@pytest.fixture
def visitor(chromium: Browser, server: Embedded, look: Look) -> Iterator[Visit]:
    pictures = Path(_PICTURES) if _PICTURES else None
    with visits.visit(chromium, server.url, look, pictures) as visit:
        yield visit
