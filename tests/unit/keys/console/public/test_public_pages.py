"""The public pages, in each language: what they say, where they lead, and what they weigh."""

import gzip
import re
from typing import Any
from urllib.parse import urldefrag

import falcon
import pytest
from falcon.testing import TestClient
from markupsafe import escape

from services.keys.console.public.guides import FOLDER, GUIDES
from services.keys.console.public.operations import operations
from services.keys.console.public.routes import routes
from services.keys.console.rendering import pages
from services.keys.console.rendering.languages import LANGUAGES
from services.keys.console.rendering.words import code
from services.service_registry import documented_routes
from shared.web.openapi.document import document
from shared.web.problems.catalogue import CATALOGUE, Problem
from shared.web.problems.french import FRENCH
from shared.web.problems.spanish import SPANISH

PUBLIC_URL = "https://grillo.test"
DOCUMENT = document(documented_routes(), PUBLIC_URL)
PAGES = ["/", "/docs", "/docs/keys", "/docs/alerts", *(f"/api/{name}".rstrip("/") for name in GUIDES)]
PAGES += [f"/problems/{name}" for name in CATALOGUE]
# Answered by other doors, or for who is signed in.
ELSEWHERE = ("/console/keys", "/openapi.json")


def _not_found(req: falcon.Request, resp: falcon.Response, error: Problem, params: dict[str, str]) -> None:
    resp.status = error.type.status


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = falcon.App()
    app.add_error_handler(Problem, _not_found)
    for path, resource in routes(DOCUMENT, PUBLIC_URL):
        app.add_route(path, resource)
    return TestClient(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_leads_to_a_place_that_is_there(client: TestClient, language: str) -> None:
    headers = {"Accept-Language": language}
    texts = {path: client.simulate_get(path, headers=headers).text for path in PAGES}
    broken = []
    for path, text in texts.items():
        for link in re.findall(r'<(?:a|link|script)[^>]* (?:href|src)="([^"]+)"', text):
            target, fragment = urldefrag(link)
            if target.startswith("https://") or target in ELSEWHERE:
                continue
            target = target or path
            if target not in texts:
                answer = client.simulate_get(target, headers=headers)
                texts_there = answer.text if "html" in (answer.headers.get("Content-Type") or "") else ""
                if answer.status_code != 200 or (fragment and f'id="{fragment}"' not in texts_there):
                    broken.append((path, link))
            elif fragment and f'id="{fragment}"' not in texts[target]:
                broken.append((path, link))
    assert broken == []


@pytest.mark.parametrize("path", PAGES)
def test_no_id_is_there_twice(client: TestClient, path: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', client.simulate_get(path).text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/keys", "/docs/alerts", "/api", "/api/authentication"])
def test_a_page_is_small(client: TestClient, path: str) -> None:
    assert len(gzip.compress(client.simulate_get(path).content)) < 15_000


def test_the_start_page_is_for_people_unless_a_program_asks(client: TestClient) -> None:
    page = client.simulate_get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert f"curl -sS {PUBLIC_URL}/v1/sensors" in page.text
    answer = client.simulate_get("/", headers={"Accept": "application/json"})
    assert answer.json["console"] == f"{PUBLIC_URL}/console/keys"
    assert answer.json["openapi"] == f"{PUBLIC_URL}/openapi.json"
    assert "Accept" in answer.headers["Vary"]


def test_an_operation_shows_what_it_needs_and_what_may_go_wrong(client: TestClient) -> None:
    text = client.simulate_get("/docs/keys", headers={"Accept-Language": "fr"}).text
    section = text[text.index('id="createKey"') : text.index('id="getKey"')]
    assert "<code>admin</code>" in section
    assert '<a href="/problems/too-many-keys">' in section
    assert f"curl -sS {PUBLIC_URL}/v1/keys" in section


@pytest.mark.parametrize("path", ["/docs", "/docs/keys"])
def test_a_page_of_the_reference_is_rendered_once_a_language_and_theme(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may ask for it, and it takes tens of milliseconds; what else a request says makes no other page."""
    app = falcon.App()
    for route, resource in routes(DOCUMENT, PUBLIC_URL):
        app.add_route(route, resource)
    rendered: list[tuple[str, str]] = []
    render = pages.rendered

    def counted(template: str, *, language: str, theme: str, path: str, **context: Any) -> str:
        rendered.append((language, theme))
        return render(template, language=language, theme=theme, path=path, **context)

    monkeypatch.setattr(pages, "rendered", counted)
    client = TestClient(app)
    texts: dict[tuple[str, str], set[str]] = {}
    for _ in range(2):
        for language in (*LANGUAGES, "de"):
            for theme in (*pages.THEMES, "system", "<", "x" * 99):
                headers = {"Accept-Language": f"{language};q=0.{len(theme) % 9}1", "Cookie": f"grillo_theme={theme}"}
                answer = client.simulate_get(path, headers=headers, params={"theme": theme}, host=f"{language}.test")
                said = (answer.headers["Content-Language"], theme if theme in pages.THEMES else "")
                assert f'<html lang="{said[0]}"' in answer.text
                assert (f'data-theme="{said[1]}"' in answer.text) == (said[1] != "")
                texts.setdefault(said, set()).add(answer.text)
    assert sorted(rendered) == sorted(texts)
    assert len(rendered) == len(LANGUAGES) * (len(pages.THEMES) + 1)
    assert all(len(same) == 1 for same in texts.values())


def test_field_texts_in_english_are_marked_so(client: TestClient) -> None:
    text = client.simulate_get("/docs/keys", headers={"Accept-Language": "fr"}).text
    described = [member for operation in operations(DOCUMENT) if operation.tag == "Keys" for member in operation.body]
    texts = {str(code(member.description)) for member in described if member.description}
    assert texts
    assert [words for words in texts if f' lang="en">{words}</td>' not in text] == []


def test_guides_name_the_server_that_serves_them(client: TestClient) -> None:
    for name in GUIDES:
        text = client.simulate_get(f"/api/{name}".rstrip("/")).text
        assert "grillo.example" not in text
    assert f"curl -sS {PUBLIC_URL}/v1/sensors" in client.simulate_get("/api/authentication").text


@pytest.mark.parametrize("guide", GUIDES.values())
def test_a_guide_tells_the_same_in_each_language(guide: str) -> None:
    """By its shape: headings, rows, and commands, of which only the words may differ."""
    texts = [(FOLDER / language / f"{guide}.md").read_text() for language in LANGUAGES]
    shapes = {
        (
            tuple(re.findall(r"^#+ ", text, re.MULTILINE)),
            len(re.findall(r"^\|", text, re.MULTILINE)),
            len(re.findall(r"^(?:- |\d\. )", text, re.MULTILINE)),
            tuple(re.findall(r"^```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)),
            tuple(sorted(re.findall(r"\]\((\S+)\)", text))),
        )
        for text in texts
    }
    assert len(shapes) == 1


@pytest.mark.parametrize(("language", "texts"), [("fr", FRENCH), ("es", SPANISH)])
def test_a_problem_is_told_in_the_reader_s_language(
    client: TestClient, language: str, texts: dict[str, tuple[str, str]]
) -> None:
    assert texts.keys() == CATALOGUE.keys()
    for name, problem in CATALOGUE.items():
        page = client.simulate_get(f"/problems/{name}", headers={"Accept-Language": f"{language}-CH, en;q=0.5"})
        assert page.headers["Content-Language"] == language
        assert f"<h1>{escape(texts[name][0])}</h1>" in page.text
        assert problem.title not in page.text
        assert "`" not in page.text


def test_a_problem_leads_to_what_helps(client: TestClient) -> None:
    assert '<a href="/docs/keys#createKey">' in client.simulate_get("/problems/too-many-keys").text
    assert 'href="/api/rate-limits"' in client.simulate_get("/problems/quota-exceeded").text
    assert client.simulate_get("/problems/nothing-like-it").status_code == 404
    assert client.simulate_get("/docs/nothing-like-it").status_code == 404
