"""Pages: what a template makes of its context, in the reader's language and theme (Jinja2, gettext).

Every template has `language`, `theme`, `time_zone`, `path` (the page's own, to come back to), `languages`,
`asset(NAME)` and `translate(TEXT)`. A name that the context lacks is an error, and never an empty place.
"""

from pathlib import Path
from typing import Any

import falcon
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.keys.console.rendering import words
from services.keys.console.rendering.assets import address_of
from services.keys.console.rendering.languages import LANGUAGES, language_of, translations
from services.keys.console.rendering.time_zones import time_zone_of
from shared.observability.redaction import redact

TEMPLATES = Path(__file__).parents[1] / "templates"
THEMES = ("light", "dark")
THEME_COOKIE = "grillo_theme"


def answer(req: falcon.Request, resp: falcon.Response, template: str, *, status: int = 200, **context: Any) -> None:
    """Answers a page. Whoever holds a secret or a session in it sets `Cache-Control: no-store` beside."""
    answer_text(req, resp, render(req, template, **context), status=status)


def answer_text(req: falcon.Request, resp: falcon.Response, text: str, *, status: int = 200) -> None:
    """Answers a page that was rendered in the reader's language and theme."""
    resp.status = status
    resp.content_type = "text/html; charset=utf-8"
    resp.set_header("Content-Language", language_of(req))
    resp.append_header("Vary", "Accept-Language, Cookie")
    if resp.get_header("Cache-Control") is None:
        resp.set_header("Cache-Control", "private, no-cache")
    resp.text = text


def render(
    req: falcon.Request, template: str, *, back: str | None = None, chosen_zone: str = "", **context: Any
) -> str:
    """`back`: where its preferences lead back to, if that is another address than the request's, without secrets.

    `chosen_zone`: the time zone that the person chose, if that is known.
    """
    path = redact(req.path) if back is None else back
    seen = {"language": language_of(req), "theme": theme_of(req), "time_zone": time_zone_of(req, chosen_zone)}
    return rendered(template, path=path, **seen, **context)


def rendered(template: str, *, language: str, theme: str, path: str, time_zone: str = "", **context: Any) -> str:
    """Takes nothing of a request, so that it may be kept for the next one."""
    chosen = words.TIMES.set(words.PageTimes(time_zone))
    try:
        made = _ENVIRONMENTS[language].get_template(template)
        return made.render(theme=theme, path=path, time_zone=time_zone, **context)
    finally:
        words.TIMES.reset(chosen)


def theme_of(req: falcon.Request) -> str:
    """As chosen; "": the system's."""
    theme = (req.get_cookie_values(THEME_COOKIE) or [""])[0]
    return theme if theme in THEMES else ""


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    # The extension adds this method, which Jinja's types do not know.
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    # `translate`: of text that no template holds, and so without its placeholders.
    translate = translations(language).gettext
    environment.globals |= {"language": language, "languages": LANGUAGES, "asset": address_of, "translate": translate}
    words.add_to(environment, language)
    return environment


_ENVIRONMENTS = {language: _environment(language) for language in LANGUAGES}
