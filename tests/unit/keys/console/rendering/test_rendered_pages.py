"""Pages as they are answered: language, theme, escaping, headers, assets."""

import re

import falcon
import pytest
from falcon.testing import Result, TestClient, create_req
from jinja2 import ChoiceLoader, DictLoader, UndefinedError

from services.keys.console.public.preferences import Preferences
from services.keys.console.rendering import assets, pages
from services.keys.console.rendering.page_headers import PageHeaders

TEMPLATES = {
    "greeting.html": '{% extends "public.html" %}{% block content %}<p>{{ name }}</p>{% endblock %}',
    "gap.html": "{{ nobody_gave_this }}",
}
PUBLIC_URL = "https://grillo.test"


class _Greeting:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        pages.answer(req, resp, "greeting.html", name="<script>alert(1)</script>")


@pytest.fixture(autouse=True)
def templates(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in pages._ENVIRONMENTS.values():
        monkeypatch.setattr(environment, "loader", ChoiceLoader([DictLoader(TEMPLATES), environment.loader]))  # type: ignore[list-item]  # it has one


@pytest.fixture
def client() -> TestClient:
    app = falcon.App(middleware=[PageHeaders(PUBLIC_URL)])
    app.add_route("/greeting", _Greeting())
    app.add_route("/console/preferences", Preferences(PUBLIC_URL))
    app.add_route("/console/assets/{name}", assets.AssetFile())
    return TestClient(app)


def language_of(answer: Result) -> str:
    return answer.text.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(("accepted", "spoken"), [("fr-FR,en;q=0.5", "fr"), ("es", "es"), ("de", "en"), ("", "en")])
def test_a_page_speaks_the_reader_s_language(client: TestClient, accepted: str, spoken: str) -> None:
    answer = client.simulate_get("/greeting", headers={"Accept-Language": accepted})
    assert (language_of(answer), answer.headers["Content-Language"]) == (spoken, spoken)
    assert answer.headers["Vary"] == "Accept-Language, Cookie"


def test_the_language_chosen_goes_before_that_of_the_browser(client: TestClient) -> None:
    chosen = client.simulate_post(
        "/console/preferences",
        body="language=es&back=/greeting",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"},
    )
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/greeting")
    cookie = chosen.cookies["grillo_language"]
    assert (cookie.secure, cookie.http_only, cookie.same_site) == (True, True, "Lax")
    headers = {"Accept-Language": "fr", "Cookie": f"grillo_language={cookie.value}"}
    assert language_of(client.simulate_get("/greeting", headers=headers)) == "es"


def test_a_cookie_that_names_no_theme_and_no_language_changes_nothing(client: TestClient) -> None:
    answer = client.simulate_get("/greeting", headers={"Cookie": 'grillo_theme="><b>; grillo_language=../../x'})
    assert "data-theme" not in answer.text
    assert language_of(answer) == "en"


def test_a_theme_chosen_is_kept(client: TestClient) -> None:
    answer = client.simulate_get("/greeting", headers={"Cookie": "grillo_theme=dark"})
    assert '<html lang="en" data-theme="dark">' in answer.text


def test_words_of_others_are_text(client: TestClient) -> None:
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in client.simulate_get("/greeting").text


def test_a_secret_in_an_address_is_not_said_again_by_the_page() -> None:
    """The page's own path is in its form of preferences; a mistaken address may hold a key."""
    for secret in (f"grl_{'x' * 49}", f"grc_{'y' * 43}"):
        assert secret not in pages.render(create_req(path=f"/problems/{secret}"), "greeting.html", name="")


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        pages.render(create_req(), "gap.html")


def test_every_answer_has_the_policy(client: TestClient) -> None:
    for path in ("/greeting", "/nothing", "/console/assets/nothing.css"):
        headers = client.simulate_get(path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_no_promise_of_https_without_it() -> None:
    app = falcon.App(middleware=[PageHeaders("http://127.0.0.1:8000")])
    assert "Strict-Transport-Security" not in TestClient(app).simulate_get("/").headers


def test_every_asset_that_a_page_names_is_kept_for_ever(client: TestClient) -> None:
    page = client.simulate_get("/greeting").text
    named = re.findall(r'"(/console/assets/[^"]+)"', page)
    style = client.simulate_get(next(path for path in named if path.endswith(".css")))
    named += [f"/console/assets/{name}" for name in re.findall(r'url\("([^"]+)"\)', style.text)]
    assert len({path.rsplit(".", 1)[1] for path in named}) == 4
    for path in named:
        answer = client.simulate_get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")


def test_assets_are_compressed_for_whoever_accepts_that(client: TestClient) -> None:
    path = assets.address_of("console.css")
    plain, compressed = (
        client.simulate_get(path, headers={"Accept-Encoding": given}) for given in ("identity", "gzip")
    )
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    assert len(compressed.content) < len(plain.content) / 2


def test_a_page_carries_no_style_and_no_script_of_its_own() -> None:
    """The policy would drop them."""
    for file in pages.TEMPLATES.rglob("*.html"):
        assert re.findall(r"<style|<script(?! src=)|\sstyle=|\son\w+=|javascript:", file.read_text()) == [], file


def test_a_first_visit_is_small() -> None:
    """What a page needs beside itself, as it travels: under 100 KB with the page, and the script under 4 KB."""
    travels = [asset.compressed or asset.content for asset in assets._assets().values()]
    assert sum(map(len, travels)) < 60_000
    assert len(assets._assets()["console.js"].content) < 4096
