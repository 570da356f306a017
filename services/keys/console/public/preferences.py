"""Preferences that need no session: language and theme, kept for a year in cookies. `POST /console/preferences`."""

import re

import falcon

from services.keys.console.rendering.form import read_form
from services.keys.console.rendering.languages import COOKIE, LANGUAGES
from services.keys.console.rendering.pages import THEME_COOKIE, THEMES
from services.keys.console.sessions.request_origin import is_our_own
from shared.web.problems.catalogue import Problem

PATH = "/console/preferences"
_YEAR_SECONDS = 31_536_000
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)


class Preferences:
    """Takes `language` or `theme`, and `back`: the path of the page that asked. An unknown theme: the system's."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._is_https = public_url.startswith("https://")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not is_our_own(req, self._public_url):
            raise Problem("invalid-request", "preferences are set from our own pages only")
        form = read_form(req)
        if (language := form.text("language")) in LANGUAGES:
            self._keep(resp, COOKIE, language)
        if "theme" in form:
            theme = form.text("theme")
            self._keep(resp, THEME_COOKIE, theme if theme in THEMES else "system")
        back = form.text("back")
        resp.status = 303
        resp.location = back if _OWN_PATH.fullmatch(back) else "/"

    def _keep(self, resp: falcon.Response, name: str, value: str) -> None:
        resp.set_cookie(
            name, value, max_age=_YEAR_SECONDS, path="/", secure=self._is_https, http_only=True, same_site="Lax"
        )
