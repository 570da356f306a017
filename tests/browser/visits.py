"""Browser: Debian's Chromium, driven by Playwright. What it may not see: a policy report, an error, another host.

A visit is one context of the browser: its language, theme, width, with or without script.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, Request, StorageState

CHROMIUM = "/usr/bin/chromium"
_WIDE, _NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 780}


Colours = Literal["light", "dark", "forced"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a visitor looks at pages. `colours`: each page is judged in all of them, in turn. `zoom`: in percent."""

    language: str = "fr"
    colours: tuple[Colours, ...] = ("light",)
    is_narrow: bool = False
    has_script: bool = True
    zoom: int = 100

    def __str__(self) -> str:
        marks = {"360": self.is_narrow, "no-script": not self.has_script, str(self.zoom): self.zoom != 100}
        return "-".join([self.language, *(mark for mark, is_so in marks.items() if is_so)])

    @property
    def differs_by_words(self) -> bool:
        """Each language once, and the narrowest."""
        return self.has_script and self.zoom == 100


FRENCH = Look()
# Languages by width; what touches neither, once.
LOOKS = [
    *(Look(language=language, colours=("light", "dark")) for language in ("en", "es")),
    Look(colours=("light", "dark", "forced")),
    Look(is_narrow=True, colours=("light", "dark")),
    Look(has_script=False),
    Look(zoom=200),
]
# What another colour may break.
_OF_COLOURS = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}


@dataclass(kw_only=True)
class Visit:
    """One person's pages. `seen`: what should not have happened."""

    page: Page
    url: str
    look: Look
    pictures: Path | None
    seen: list[str] = field(default_factory=list)

    def hear_of_failure(self, request: Request) -> None:
        # An asset that was still asked for when the next page came is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"failed: {request.url}")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status < 400, f"{path}: {answer.status}"

    def judge(self, name: str) -> None:
        """The page as it is now: accessible, not wider than its window, and nothing seen that should not be."""
        self.page.wait_for_load_state("load")
        for colours in self.look.colours:
            self._wear(colours)
            if self.pictures is not None:
                self.pictures.mkdir(parents=True, exist_ok=True)
                self.page.screenshot(path=self.pictures / f"{name}-{self.look}-{colours}.png", full_page=True)
            if self.look.has_script:
                is_first = colours == self.look.colours[0]
                judgement = Axe().run(self.page) if is_first else Axe().run(self.page, options=_OF_COLOURS)
                violations = judgement.response["violations"]
                self.seen += [f"{name} {colours}: {one['id']}: {one['nodes'][0]['html']}" for one in violations]
        if len(self.look.colours) > 1:
            self._wear(self.look.colours[0])
        if self.look.has_script and self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.seen.append(f"{name}: wider than the window")
        assert not self.seen, "\n".join(self.seen)

    def _wear(self, colours: Colours) -> None:
        is_forced = colours == "forced"
        self.page.emulate_media(
            color_scheme="dark" if colours == "dark" else "light",
            forced_colors="active" if is_forced else "none",
            reduced_motion="reduce",  # the colours are there at once
        )


@contextmanager
def browser(playwright: Playwright, network_log: Path) -> Iterator[Browser]:
    """`network_log`: what Chromium itself writes down of each request that it makes, once it has ended."""
    # What Chromium asks of its maker by itself finds no way out.
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    arguments += [f"--log-net-log={network_log}", "--net-log-capture-mode=Everything"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    try:
        yield running
    finally:
        running.close()


@contextmanager
def visit(
    browser: Browser, url: str, look: Look, pictures: Path | None = None, *, state: StorageState | None = None
) -> Iterator[Visit]:
    """`state`: the cookies that the visitor comes with."""
    scale = 100 / look.zoom
    size = _NARROW if look.is_narrow else {side: int(length * scale) for side, length in _WIDE.items()}
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # a TypedDict of width and height
        device_scale_factor=look.zoom / 100,
        locale=look.language,
        java_script_enabled=look.has_script,
        storage_state=state,
    )
    page = context.new_page()
    visited = Visit(page=page, url=url, look=look, pictures=pictures)
    page.on("console", lambda message: visited.seen.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: visited.seen.append(f"error: {error}"))
    page.on("requestfailed", visited.hear_of_failure)
    try:
        yield visited
    finally:
        context.close()
