"""Translation of what is wrong with a request, from its English text; what is not known stays English."""

import re
from collections.abc import Mapping, Sequence

from shared.web.problems.faults import arrivals, recordings, wide_questions
from shared.web.problems.faults.french import FRENCH_FAULTS
from shared.web.problems.faults.spanish import SPANISH_FAULTS

_Texts = Sequence[tuple[re.Pattern[str], str]]


def _compiled(texts: Mapping[str, str]) -> _Texts:
    return [(re.compile(re.escape(english).replace("…", "(.+)"), re.DOTALL), other) for english, other in texts.items()]


_TEXTS: Mapping[str, _Texts] = {
    "fr": _compiled({**FRENCH_FAULTS, **arrivals.FRENCH, **recordings.FRENCH, **wide_questions.FRENCH}),
    "es": _compiled({**SPANISH_FAULTS, **arrivals.SPANISH, **recordings.SPANISH, **wide_questions.SPANISH}),
}
_BEFORE_A_FAULT = {"fr": " : ", "es": ": "}
_OF_A_MEMBER = re.compile(r"(/[^:]*|[A-Za-z_-]+): (.+)", re.DOTALL)


def translated(text: str, language: str) -> str:
    """`text`: of what is wrong, perhaps after the name of the member or parameter that it is wrong with."""
    for pattern, other in _TEXTS.get(language, ()):
        if found := pattern.fullmatch(text):
            return _filled(other, [_part(part, language) for part in found.groups()])
    if language in _TEXTS and (named := _OF_A_MEMBER.fullmatch(text)):
        return named[1] + _BEFORE_A_FAULT[language] + translated(named[2], language)
    return text


def _part(text: str, language: str) -> str:
    """A sentence may stand in another one; a word is a name, and stays."""
    return translated(text, language) if " " in text else text


def _filled(text: str, parts: Sequence[str]) -> str:
    first, *others = text.split("…")
    return first + "".join(part + other for part, other in zip(parts, others, strict=False))
