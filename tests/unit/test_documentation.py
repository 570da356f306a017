"""What the documentation names is there: files, links, decisions; and each picture is the one its source gives."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pictures.draw import pictures

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
DECISIONS = sorted((ROOT / "docs/decisions").glob("0*.md"))
LINK = re.compile(r"(?:\]\(|src(?:set)?=\")([^)\"#\s]+)")
PATH = re.compile(r"`((?:services|shared|tests|docs|ops|benchmarks|examples)/[\w./-]+)`")
NAME = re.compile(r"`(\w+\.(?:py|lua|conf|toml))`")
HEAD = re.compile(r"^\*Accepted on (\d{4}-\d\d-\d\d)(?:; amended by (.+))?\.\*$", re.MULTILINE)
NUMBER = re.compile(r"\[(\d+)\]\(")
SHOWN_BY = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
DEGRADATION = ("away or wrong", "still works", "refused", "lost", "comes back", "shown by")


def named(page: Path) -> Iterator[tuple[int, Path]]:
    """Every file and folder that a page names, and where in it. A bare name is one that the page has named in full, or
    stands in the folder named last, or in the root.
    """
    text, folder, known = page.read_text(), ROOT, dict[str, Path]()
    for found in sorted([*PATH.finditer(text), *NAME.finditer(text)], key=lambda found: found.start()):
        name = found[1]
        if "/" in name:
            path = ROOT / name
            folder = path.parent
            known[path.name] = path
        else:
            path = next((path for path in (known.get(name), ROOT / name) if path and path.exists()), folder / name)
        yield text.count("\n", 0, found.start()) + 1, path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        pytest.skip("it tells of the past")
    assert [f"line {line}: {path.relative_to(ROOT)}" for line, path in named(page) if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_no_page_holds_the_marks_of_a_merge_that_was_not_resolved() -> None:
    marks = re.compile(r"^(?:<{7}|>{7}|={7})(?: |$)", re.MULTILINE)
    assert [str(page.relative_to(ROOT)) for page in PAGES if marks.search(page.read_text())] == []


def test_the_index_has_every_decision_with_its_date_and_what_amends_it() -> None:
    rows = dict[str, tuple[str, list[str]]]()
    for row in (ROOT / "docs/decisions/README.md").read_text().splitlines():
        if row.startswith("| ") and row[2].isdigit():
            _, _, decision, date, status, _ = map(str.strip, row.split("|"))
            rows[decision.rsplit("(", 1)[1].rstrip(")")] = (date, NUMBER.findall(status))
    heads = {page.name: HEAD.search(page.read_text()) for page in DECISIONS}
    assert rows == {name: head and (head[1], NUMBER.findall(head[2] or "")) for name, head in heads.items()}


def test_every_picture_is_the_one_its_source_gives() -> None:
    """`make pictures` draws them again."""
    assert [file.name for file, text in pictures() if file.read_text() != text] == []


def test_every_row_of_degradation_says_all_of_it_and_names_tests_that_are_there() -> None:
    head, *rows = degradation()
    assert head == DEGRADATION
    assert [row for row in rows if len(row) != len(head) or not all(row)] == []
    assert [row[0] for row in rows if not SHOWN_BY.search(row[-1])] == []
    shown = {found.groups() for row in rows for found in SHOWN_BY.finditer(row[-1])}
    assert [
        f"{file}::{name}"
        for file, name in sorted(shown)
        if not (ROOT / file).exists() or f"def {name}(" not in (ROOT / file).read_text()
    ] == []


def test_every_fault_that_is_tested_has_a_row_of_degradation() -> None:
    shown = {found for row in degradation() for found in SHOWN_BY.findall(row[-1])}
    files = {str(file.relative_to(ROOT)): file.read_text() for file in (ROOT / "tests/faults").glob("test_*.py")}
    faults = {(file, name) for file, text in files.items() for name in TEST.findall(text)}
    assert {name for _, name in faults - shown} == {"test_after_all_of_it_no_secret_is_in_any_file_or_output"}


def degradation() -> list[tuple[str, ...]]:
    """The table's rows, its head first."""
    _, _, section = (ROOT / "docs/operations.md").read_text().partition("\n## Degradation\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [tuple(map(str.strip, line.strip("|").split("|"))) for line in lines if not line.startswith("|---")]
