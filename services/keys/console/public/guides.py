"""Guides, `/api` and below: Markdown in three languages, written for who programs against the API."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import falcon
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.anchors import anchors_plugin

from services.keys.console.rendering import pages
from services.keys.console.rendering.languages import language_of

FOLDER = Path(__file__).parent / "guides"
# By the last part of the address; "" is `/api` itself. Their order is that of the navigation.
GUIDES = {"": "overview", "authentication": "authentication", "webhooks": "webhooks", "rate-limits": "rate-limits"}
_ADDRESS = "https://grillo.example"  # of the texts; each page names the server that serves it
_SCROLLED = re.compile("<(/?)table>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A piece of a guide: HTML, or code to copy, which then has its language as `title`."""

    html: str = ""
    code: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    title: str
    headings: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


class Guide:
    def __init__(self, name: str, public_url: str) -> None:
        self._name, self._public_url = name, public_url

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        language = language_of(req)
        titles = {slug: text(file, language, self._public_url).title for slug, file in GUIDES.items()}
        guide = text(GUIDES[self._name], language, self._public_url)
        pages.answer(req, resp, "public/guide.html", guide=guide, titles=titles, current=self._name)


@cache
def text(file: str, language: str, public_url: str) -> Text:
    """`public_url`: what stands for the example's address."""
    source = (FOLDER / language / f"{file}.md").read_text().replace(_ADDRESS, public_url)
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").use(anchors_plugin, max_level=3)
    tokens = parser.parse(source)
    title, tokens = tokens[1].content, tokens[3:]
    headings = tuple(
        (str(tokens[place].attrs["id"]), tokens[place + 1].content)
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag == "h2"
    )
    return Text(title=title, headings=headings, sections=tuple(_sections(parser, tokens)))


def _sections(parser: MarkdownIt, tokens: list[Token]) -> list[Section]:
    sections: list[Section] = []
    waiting: list[Token] = []
    for token in [*tokens, None]:
        if token is None or (token.type == "fence" and token.level == 0):
            html = parser.renderer.render(waiting, parser.options, {})
            # From our own files, with raw HTML switched off. A wide table scrolls by itself.
            sections.append(Section(html=Markup(_SCROLLED.sub(_scrolling, html))))  # noqa: S704
            waiting = []
            if token is not None:
                sections.append(Section(code=token.content.rstrip("\n"), title=token.info))
        else:
            waiting.append(token)
    return [section for section in sections if section.html or section.code]


def _scrolling(tag: re.Match[str]) -> str:
    return "</table></div>" if tag[1] else '<div class="table panel" tabindex="0" role="group"><table>'
