"""HTML page behind each problem's `type`: what happened and what to do, in English or French."""

import html
import re

import falcon

from shared.web.problems.catalogue import CATALOGUE, Problem
from shared.web.problems.french import FRENCH
from shared.web.requests.accept_language import preferred

_PAGE = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><title>{title} · Grillo Cloud</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:1rem/1.6 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}}code{{background:#eee}}</style>
<h1>{title}</h1>
<p>{kind} <strong>{status}</strong>, <code>{name}</code>.</p>
<h2>{what_to_do}</h2>
<p>{advice}</p>
<p><a href="/openapi.json">{description}</a></p>
</html>
"""


_LANGUAGES = {
    "en": ("HTTP status", "What to do", "All operations and their errors: OpenAPI"),
    "fr": ("Statut HTTP", "Que faire", "Toutes les opérations et leurs erreurs : OpenAPI"),
}
_CODE = re.compile("`([^`]*)`")


class ProblemPage:
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        problem = CATALOGUE.get(name)
        if problem is None:
            raise Problem("not-found")
        language = preferred(req.get_header("Accept-Language") or "", tuple(_LANGUAGES))
        title, advice = FRENCH[name] if language == "fr" else (problem.title, problem.advice)
        kind, what_to_do, description = _LANGUAGES[language]
        resp.set_header("Content-Language", language)
        resp.append_header("Vary", "Accept-Language")
        resp.content_type = "text/html; charset=utf-8"
        resp.text = _PAGE.format(
            name=problem.name,
            status=problem.status,
            language=language,
            kind=kind,
            what_to_do=what_to_do,
            description=description,
            title=html.escape(title),
            advice=_CODE.sub(r"<code>\1</code>", html.escape(advice)),
        )
