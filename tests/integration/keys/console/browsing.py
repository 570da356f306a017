"""A browser as plain HTTP: cookies, forms as they stand in the page, and every answer that it ever had."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from falcon import testing

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class PageForm:
    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    """What a browser would send: ticked boxes alone, and of a text area its text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._is_inside = False
        self._text_area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        if tag == "form":
            self.forms.append(PageForm(attributes.get("action", ""), attributes.get("method", "get")))
            self._is_inside = True
        if not self._is_inside:
            return
        form, name = self.forms[-1], attributes.get("name", "")
        is_off = attributes.get("type") in ("checkbox", "radio") and "checked" not in attributes
        if tag == "input" and name and not is_off:
            form.fields.append((name, attributes.get("value", "on")))
        elif tag == "button" and name:
            form.buttons.append((name, attributes.get("value", "")))
        elif tag == "textarea":
            self._text_area = name
            form.fields.append((name, ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in attributes:
            form.fields.append((self._select, attributes.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "textarea":
            self._text_area = None
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._text_area is not None:
            name, text = self.forms[-1].fields[-1]
            # The first line break after the tag is none of the text (HTML, section 13.1.2.5).
            self.forms[-1].fields[-1] = (name, text + (data if text else data.removeprefix("\n")))


class Browser:
    def __init__(self, app: Any, language: str = "en") -> None:
        self._client = testing.TestClient(app)
        self.cookies: dict[str, str] = {}
        self.language = language
        self.seen: list[testing.Result] = []

    def get(self, path: str, **headers: str) -> testing.Result:
        return self._asked("GET", path, headers=headers)

    def post(self, path: str, fields: Any, **headers: str) -> testing.Result:
        body = urlencode(fields).encode()
        typed = {"Content-Type": "application/x-www-form-urlencoded", **SAME_ORIGIN} | headers
        return self._asked("POST", path, body=body, headers=typed)

    def form(self, page: testing.Result, action: str = "/console/keys") -> PageForm:
        """The form of the page's content: not to search, to sign out, or of preferences."""
        forms = forms_of(page.text)
        aside = ("/console/sign-out", "/console/preferences")
        (found,) = (each for each in forms if each.method == "post" and each.action not in aside)
        return found

    def submit(self, page: testing.Result, path: str, *, button: tuple[str, str] | None = None, **fields: Any) -> Any:
        """The page's form with these fields typed; a list stands for several, None for one that is left off."""
        form = self.form(page)
        kept = [pair for pair in form.fields if pair[0] not in fields]
        typed = [
            (name, each)
            for name, value in fields.items()
            if value is not None
            for each in (value if isinstance(value, list) else [value])
        ]
        return self.post(form.action or path, [*kept, *typed, *([button] if button else [])])

    def sign_in(self, link: str) -> None:
        page = self.get(f"/console/link/{link}")
        assert page.status_code == 200
        answer = self.submit(page, "/console/sign-in")
        assert answer.status_code == 303, answer.text

    def _asked(self, method: str, path: str, **parts: Any) -> testing.Result:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Accept-Language": self.language, "User-Agent": "Firefox"} | ({"Cookie": cookie} if cookie else {})
        path, _, query = path.partition("?")
        result = self._client.simulate_request(
            method, path, query_string=query, headers=headers | parts.pop("headers"), **parts
        )
        for name, held in result.cookies.items():
            self.cookies[name] = held.value
        self.seen.append(result)
        return result


def forms_of(page: str) -> list[PageForm]:
    parser = _Forms()
    parser.feed(page)
    return parser.forms
