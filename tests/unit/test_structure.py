"""The rules of the house that no import contract says (those are in .importlinter): sizes, and that rooms speak."""

import ast
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES_MAX, LINES_MAX = 12, 260
SOURCES = {
    file.relative_to(ROOT): file.read_text()
    for top in ("services", "shared")
    for file in sorted((ROOT / top).rglob("*.py"))
    if "migrations" not in file.parts
}
NAMED = re.compile(r"(?<![\w/.-])(?:[\w.-]+/)*\w+\.py(?![\w/])")


def test_no_folder_holds_more_than_a_reader_can() -> None:
    rooms = {file.parent for file in SOURCES}
    modules = {room: [file for file in SOURCES if file.parent == room and file.stem != "__init__"] for room in rooms}
    assert {str(room): len(files) for room, files in modules.items() if len(files) > MODULES_MAX} == {}


def test_no_module_outgrows_what_a_reader_can_hold() -> None:
    lines = {str(file): len(text.splitlines()) for file, text in SOURCES.items()}
    assert {file: count for file, count in lines.items() if count > LINES_MAX} == {}


def test_every_module_and_every_room_says_what_it_is() -> None:
    assert [str(file) for file, text in SOURCES.items() if not ast.get_docstring(ast.parse(text))] == []


def test_every_module_that_a_comment_or_docstring_names_is_there() -> None:
    unknown = {
        f"{file}: {name}"
        for file, text in SOURCES.items()
        for name in NAMED.findall("\n".join(_prose(text)))
        if not any(str(known) == name or str(known).endswith(f"/{name}") for known in (*SOURCES, Path("setup.py")))
    }
    assert sorted(unknown) == []


def _prose(text: str) -> list[str]:
    documented = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    return comments + [docstring for node in documented if (docstring := ast.get_docstring(node))]


def test_every_file_that_is_no_code_is_in_the_wheel() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    files = [file for top in ("services", "shared") for file in (ROOT / top).rglob("*.*") if file.is_file()]
    left_out = [
        str(file.relative_to(ROOT))
        for file in files
        if file.suffix not in (".py", ".pyc") and not any(fnmatch(file.name, pattern) for pattern in patterns)
    ]
    assert left_out == []


def test_what_tests_of_a_folder_share_ends_with_them() -> None:
    """Without `__init__.py` a fixture of scope "package" lives to the end of the run, a whole system with it."""
    shared = [file.parent for file in (ROOT / "tests").rglob("conftest.py") if 'scope="package"' in file.read_text()]
    assert len(shared) > 1
    assert [str(folder) for folder in shared if not (folder / "__init__.py").exists()] == []
