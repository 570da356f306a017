"""Texts that people write in bodies and queries, as marshmallow validates them: names, prose and labels."""

import re
import unicodedata
from collections.abc import Callable

from marshmallow import ValidationError

from shared.observability.redaction import redact
from shared.values.names import NotAName
from shared.web.problems.catalogue import Problem
from shared.web.schemas.refusals import refuses

LABEL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}\Z")
_CONTROL, _SECRET = "must not contain control characters", "must not contain an API key"
_UNSEEN = "must not contain control, invisible or text direction characters"
NOT_PLAIN = (_CONTROL, _SECRET, _UNSEEN)
_LABEL = "must be a label as name:value, such as env:prod"
PLAIN, PROSE = r"^[^\x00-\x1f\x7f-\x9f]*$", r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_LINE_BREAKS_AND_TABS = str.maketrans("", "", "\r\n\t")


@refuses(*NOT_PLAIN, pattern=PLAIN)
def plain_text(text: str) -> None:
    if not text.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValidationError(_CONTROL)
    if redact(text) != text:
        raise ValidationError(_SECRET)


@refuses(_CONTROL, _SECRET, pattern=PROSE)
def prose(text: str) -> None:
    plain_text(text.translate(_LINE_BREAKS_AND_TABS))


@refuses("must not be blank")
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


@refuses(_LABEL, _SECRET, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}:[^\x00-\x1f\x7f-\x9f]{0,100}$")
def check_label(text: str) -> None:
    name, value = label_of(text)
    plain_text(value)
    if not LABEL_NAME.match(name) or ":" not in text or len(value) > 100:
        raise ValidationError(_LABEL)
