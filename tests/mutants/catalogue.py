"""Catalogue of mutants: small, named breaches of a guarantee, each with the tests that must notice it.

Read from the TOML files beside this one, one file a heading of docs/guarantees.md.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUARANTEES = ROOT / "docs/guarantees.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`old` stands once in `file`, and is replaced by `new`. `tests`: pytest's node ids, at least one of which fails.

    `guarantee`: the heading of docs/guarantees.md, up to its first full stop.
    """

    guarantee: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def matches(self, root: Path = ROOT) -> int:
        """How often `old` stands in the file; a mutant applies where that is once."""
        source = root / self.file
        return source.read_text().count(self.old) if source.exists() else 0

    def mutated(self, text: str) -> str:
        return text.replace(self.old, self.new)


def mutants() -> tuple[Mutant, ...]:
    """All of them, in the order of the guarantees."""
    found = [mutant for file in Path(__file__).parent.glob("*.toml") for mutant in _read(file)]
    order = list(sections())
    return tuple(sorted(found, key=lambda mutant: order.index(mutant.guarantee)))


def sections() -> dict[str, str]:
    """Guarantee → its text in docs/guarantees.md."""
    parts = GUARANTEES.read_text().split("\n## ")[1:]
    return {part.split("\n")[0].split(".")[0]: part for part in parts}


def _read(file: Path) -> list[Mutant]:
    """`tests` of the file are those of each of its mutants that names none itself."""
    content = tomllib.loads(file.read_text())
    return [
        Mutant(
            guarantee=content["guarantee"],
            name=entry["name"],
            file=entry["file"],
            old=entry["old"],
            new=entry["new"],
            tests=tuple(entry.get("tests") or content["tests"]),
        )
        for entry in content["mutant"]
    ]
