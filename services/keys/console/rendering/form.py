"""Forms as browsers send them: urlencoded, bounded, in UTF-8."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import falcon

from shared.observability.redaction import redact
from shared.web.problems.catalogue import Problem
from shared.web.requests.json_body import read_raw

_FIELDS_MAX = 200


class Form:
    """Line breaks are `\\n`; what is missing is empty."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(name, value.replace("\r\n", "\n")) for name, value in pairs]

    def text(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for given, value in self._pairs if given == name)

    @property
    def attempt(self) -> str:
        """The form's token of its own, to be shown again."""
        return redact(self.text("attempt"))

    def redacted(self) -> "Form":
        """To be shown again: a key that somebody pasted is in no answer."""
        return Form([(name, redact(value)) for name, value in self._pairs])

    def __contains__(self, name: object) -> bool:
        return any(given == name for given, _ in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)


def keep_form(req: falcon.Request, form: Form) -> None:
    """Keeps it with the request: whatever refuses the request later can show what was typed."""
    req.context.form = form


def kept_form(req: falcon.Request) -> Form | None:
    return getattr(req.context, "form", None)


def read_form(req: falcon.Request) -> Form:
    """Raises Problem."""
    if (req.content_type or "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Problem("unsupported-media-type", "send a form, as application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(
            read_raw(req).decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError:
        raise Problem("invalid-request", "the form cannot be read") from None
    if any("\0" in text for pair in pairs for text in pair):
        raise Problem("invalid-request", "the form has characters that nothing can be called by")
    return Form(pairs)
