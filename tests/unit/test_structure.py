"""The rules of the house that no import contract says (those are in .importlinter): sizes, and that what is named exists."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES_MAX, LINES_MAX = 12, 260
TRACKED = sorted(
    subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
)
SOURCES = [file for file in TRACKED if file.endswith(".py") and file.startswith(("services/", "shared/"))]
# What was so once is told in these.
HISTORY = ("CHANGELOG.md",)
PAGES = [file for file in TRACKED if file.endswith(".md") and file not in HISTORY]
_PATH = re.compile(r"(?<![\w/:.-])(?:[\w.-]+/)*[\w-]+\.(?:py|md|lua|ya?ml|conf|sh|toml|svg|mako)(?![\w/])")


def test_a_folder_holds_no_more_than_a_reader_can() -> None:
    folders: dict[str, int] = {}
    for file in SOURCES:
        path = Path(file)
        if path.name != "__init__.py" and "migrations" not in path.parts:
            folders[str(path.parent)] = folders.get(str(path.parent), 0) + 1
    assert {folder: modules for folder, modules in folders.items() if modules > MODULES_MAX} == {}


def test_no_module_outgrows_what_a_reader_can_hold() -> None:
    lines = {file: len((ROOT / file).read_text().splitlines()) for file in SOURCES}
    assert {file: count for file, count in lines.items() if count > LINES_MAX} == {}


def test_every_module_and_every_room_says_what_it_is() -> None:
    silent = [
        file
        for file in SOURCES
        if "migrations" not in file and not ast.get_docstring(ast.parse((ROOT / file).read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = {found for code in re.findall(r"`([^`\n]+)`", (ROOT / page).read_text()) for found in _PATH.findall(code)}
    linked = set(re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", (ROOT / page).read_text()))
    assert sorted(name for name in named if not _exists(name)) == []
    assert sorted(link for link in linked if not (ROOT / page).parent.joinpath(link).exists()) == []


def test_every_module_that_a_comment_names_exists() -> None:
    unknown = {
        f"{file}: {name}"
        for file in SOURCES
        for name in _PATH.findall("\n".join(_prose(file)))
        if name.endswith(".py") and not _exists(name)
    }
    assert sorted(unknown) == []


def _exists(name: str) -> bool:
    """From the root, or, where it is named for short, by the end of its path."""
    return any(file == name or file.endswith(f"/{name}") for file in TRACKED)


def _prose(file: str) -> list[str]:
    """Comments and docstrings."""
    text = (ROOT / file).read_text()
    documented = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    return comments + [docstring for node in documented if (docstring := ast.get_docstring(node))]
