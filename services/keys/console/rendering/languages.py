"""Languages of the pages: the reader's choice (a cookie), else Accept-Language, and the gettext catalogue of each.

English is what the templates are written in. The other catalogues are compiled from their .po files once, at start.
"""

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path

import falcon
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.web.requests.accept_language import preferred

CATALOGUES = Path(__file__).parents[1] / "languages"
# Each by its own name, as its speakers look for it.
LANGUAGES = {"en": "English", "fr": "Français", "es": "Español"}
COOKIE = "grillo_language"


def language_of(req: falcon.Request) -> str:
    chosen = (req.get_cookie_values(COOKIE) or [""])[0]
    return chosen if chosen in LANGUAGES else preferred(req.get_header("Accept-Language") or "", tuple(LANGUAGES))


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Raises FileNotFoundError for a language without a catalogue."""
    if language == "en":
        return gettext.NullTranslations()
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
