"""Title and advice of a problem, in the language of the page."""

from shared.web.problems.catalogue import ProblemType
from shared.web.problems.french import FRENCH
from shared.web.problems.spanish import SPANISH

_TRANSLATED = {"fr": FRENCH, "es": SPANISH}


def words_of(problem: ProblemType, language: str) -> tuple[str, str]:
    return _TRANSLATED.get(language, {}).get(problem.name, (problem.title, problem.advice))
