"""Draws the pictures of the documentation as SVG, for light and for dark pages, from the texts beside this file.

`make pictures` writes them. Standard library only, and the same text always gives the same bytes, so a test can tell
whether a picture is that of its source.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from docs.pictures.architecture import architecture
from docs.pictures.canvas import THEMES
from docs.pictures.sequence_diagram import sequence_diagram

FOLDER = Path(__file__).parent


def pictures() -> Iterator[tuple[Path, str]]:
    """Every file and what it should hold."""
    for name, theme in THEMES.items():
        yield FOLDER / f"architecture-{name}.svg", architecture(tomllib.loads(_source("architecture.toml")), theme)
        for sequence in ("request", "command"):
            yield FOLDER / f"{sequence}-{name}.svg", sequence_diagram(_source(f"{sequence}.mmd"), theme)


def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def main() -> None:
    for file, text in pictures():
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{file.relative_to(FOLDER.parents[1])}\n")


if __name__ == "__main__":
    main()
