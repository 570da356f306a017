"""The page behind each problem's `type`: what happened, what to do. In plain words, for people."""

import html

import falcon

from shared.web.problems import CATALOGUE, Problem

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title} · Grillo Cloud</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:1rem/1.6 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}}code{{background:#eee}}</style>
<h1>{title}</h1>
<p>HTTP status <strong>{status}</strong>, problem <code>{name}</code>.</p>
<h2>What to do</h2>
<p>{advice}</p>
</html>
"""


class ProblemPage:
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        problem = CATALOGUE.get(name)
        if problem is None:
            raise Problem("not-found")
        resp.content_type = "text/html; charset=utf-8"
        resp.text = _PAGE.format(
            name=problem.name,
            status=problem.status,
            title=html.escape(problem.title),
            advice=html.escape(problem.advice),
        )
