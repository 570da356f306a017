"""Texts that people write in bodies and queries, as marshmallow validates them: names, prose and labels."""

import re
import unicodedata
from collections.abc import Callable

from marshmallow import ValidationError

from shared.observability.redaction import redact
from shared.values.names import NotAName
from shared.web.problems.catalogue import Problem

LABEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}\Z")
_LINE_BREAKS_AND_TABS = str.maketrans("", "", "\r\n\t")


def plain_text(text: str) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError("must not contain control characters")
    if redact(text) != text:
        raise ValidationError("must not contain an API key")


def prose(text: str) -> None:
    plain_text(text.translate(_LINE_BREAKS_AND_TABS))


def not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("must not be blank")


def formed(text: str, known: str | None, form: Callable[[str], str], member: str) -> str:
    """The text in the form in which it is kept; one that is `known` stays as it is. Raises Problem `invalid-body`.

    `form`: of shared/values/names.py.
    """
    try:
        return text if text == known else form(text)
    except NotAName as fault:
        raise Problem("invalid-body", members={"errors": {f"/{member}": [str(fault)]}}) from None


def label_of(text: str) -> tuple[str, str]:
    """`env:prod` → (env, prod)."""
    name, _, value = text.partition(":")
    return name, value


def check_label(text: str) -> None:
    name, value = label_of(text)
    plain_text(value)
    if not LABEL_NAME.match(name) or ":" not in text or len(value) > 100:
        raise ValidationError("must be a label as name:value, such as env:prod")
