"""Catalogues of the console's languages: `make messages` brings them up to date with what is to be translated.

That is what templates and code mark with `_`, and the summaries and groups of all operations. What is new comes without
a translation, and what is no longer said goes; tests/unit/keys/console/test_catalogues.py tells both.
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.service_registry import documented_routes
from shared.web.openapi.document import document

CONSOLE = Path(__file__).parents[1] / "services/keys/console"
CATALOGUES = CONSOLE / "languages"
# Each with its rule of plurals: two forms, of which zero has the first in French.
TRANSLATED = {"fr": "(n > 1)", "es": "(n != 1)"}
# As Babel would write it, but for its dates: a catalogue changes only where its texts do.
_HEADER = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: nplurals=2; plural={plural};\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"silent": "false", "trimmed": "true"}}


def messages() -> Catalog:
    """All that is to be translated."""
    found = Catalog(charset="utf-8")
    for _, _, text, _, _ in extract_from_dir(CONSOLE, _METHODS, _OPTIONS):
        found.add(text)
    described = document(documented_routes(), "")
    for tag in described["tags"]:
        found.add(tag["name"])
    for item in described["paths"].values():
        for operation in (part for part in item.values() if "summary" in part):
            found.add(operation["summary"])
    return found


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalogue: Catalog) -> None:
    with (CATALOGUES / f"{language}.po").open("wb") as file:
        file.write(_HEADER.format(language=language, plural=TRANSLATED[language]).encode())
        write_po(file, catalogue, width=0, no_location=True, sort_output=True, omit_header=True)


def _forms(text: object) -> tuple[object, ...]:
    return tuple(text) if isinstance(text, (tuple, list)) else (text,)


def main() -> None:
    wanted = messages()
    for language in TRANSLATED:
        known = catalogue(language)
        known.update(wanted, no_fuzzy_matching=True)
        known.obsolete.clear()
        write(language, known)
        missing = sum(1 for message in known if message.id and not all(_forms(message.string)))
        print(f"{language}: {missing} to translate in {CATALOGUES / language}.po")  # noqa: T201  what was asked for


if __name__ == "__main__":
    main()
