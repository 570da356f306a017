"""The golden files: one for each shape ever written, named `Type.vN.json`, or `Type.vN.case.json` for one more case."""

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    name: str
    type: str
    version: int
    text: str


def golden_files(folder: str) -> list[Golden]:
    return [_golden(path) for path in sorted((_FOLDER / folder).glob("*.json"))]


def _golden(path: Path) -> Golden:
    type_, version, *_case = path.name.removesuffix(".json").split(".")
    return Golden(
        name=f"{path.parent.name}/{path.name}",
        type=type_,
        version=int(version.removeprefix("v")),
        text=path.read_text("utf-8").removesuffix("\n"),
    )
