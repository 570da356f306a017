"""Public pages in Chromium: accessible, by the policy, from our host alone."""

from playwright.sync_api import expect

from tests.browser.visits import Visit

PAGES = {
    "start": "/",
    "reference": "/docs",
    "operations": "/docs/sensors",
    "guide": "/api/authentication",
    "problem": "/problems/key-revoked",
}
# Made by the same templates: `make browser` looks at them, too.
ALIKE = {
    "operations-keys": "/docs/keys",
    "guide-overview": "/api",
    "guide-webhooks": "/api/webhooks",
    "guide-rate-limits": "/api/rate-limits",
}


def test_a_public_page_passes(visitor: Visit, name: str, path: str) -> None:
    visitor.go(path)
    expect(visitor.page.locator("html")).to_have_attribute("lang", visitor.look.language)
    visitor.judge(name)


def test_language_and_theme_are_kept_without_script_too(visitor: Visit) -> None:
    visitor.go("/api")
    visitor.page.get_by_role("button", name="Español").click()
    expect(visitor.page.locator("h1")).to_have_text("Introducción a la API")
    visitor.page.get_by_role("button", name="Oscuro").click()
    expect(visitor.page.locator("html")).to_have_attribute("data-theme", "dark")
    visitor.go("/")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "es")
    visitor.judge("start-chosen")


def test_what_breaks_the_policy_is_seen(visitor: Visit) -> None:
    """Of this folder's own judgement: a report of the browser fails a test."""
    visitor.go("/problems/not-found")
    if visitor.look.has_script:
        visitor.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.invalid/a'}))")
        visitor.page.evaluate("document.body.setAttribute('style', 'color: red')")
        assert len(visitor.seen) >= 2
        assert all("Content Security Policy" in report for report in visitor.seen if report.startswith("error"))
