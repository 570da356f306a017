"""docs/product-page.md names, for each sentence of the product's public page, what keeps it; nothing is left out."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("GRILLO_TEST_DATA", ROOT.parent / "shared/data/openeew"))
PAGE = DATA.parents[1] / "product-page-api-keys.fr.md"
KEPT_BY = re.compile(r"`(tests/[^`]+)`|\]\(([^)]+)\)")


class Row(NamedTuple):
    heading: str
    numbers: range
    kept_by: str
    digest: str


def rows() -> list[Row]:
    lines = (ROOT / "docs/product-page.md").read_text().splitlines()
    found = []
    for line in lines[lines.index("|---|---|---|---|---|") + 1 :]:
        heading, numbers, _, kept_by, digest = line.strip("| ").split(" | ")
        first, _, last = numbers.partition("–")
        found.append(Row(heading, range(int(first), int(last or first) + 1), kept_by, digest))
    return found


@pytest.fixture(scope="module")
def page() -> dict[str, list[str]]:
    """heading → what stands below it, a line each."""
    assert PAGE.is_file(), f"no {PAGE}; GRILLO_TEST_DATA names the folder data/openeew beside it"
    text = re.sub(r"\A---\n.*?\n---\n|<!--.*?-->", "", PAGE.read_text(), flags=re.DOTALL)
    return dict(_below_headings(text))


def test_each_sentence_has_one_row_and_is_what_was_read(page: dict[str, list[str]]) -> None:
    told = {(row.heading, number) for row in rows() for number in row.numbers}
    assert len(told) == sum(len(row.numbers) for row in rows()), "none twice"
    assert told == {(heading, number) for heading, lines in page.items() for number in range(1, len(lines) + 1)}
    for row in rows():
        text = "\n".join(page[row.heading][number - 1] for number in row.numbers)
        assert row.digest == hashlib.sha256(text.encode()).hexdigest()[:8], f"{row.heading}: read it again"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.heading} {row.numbers.start}")
def test_each_row_names_a_test_or_a_page_that_is_there_or_says_that_it_is_not_built(row: Row) -> None:
    named = ["".join(found) for found in KEPT_BY.findall(row.kept_by)]
    assert named or row.kept_by == "**not built**"
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "docs" / name).exists(), name


def _below_headings(text: str) -> Iterator[tuple[str, list[str]]]:
    lines: list[str] = []
    heading, is_code = "", False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("```"):
            is_code = not is_code
        elif line.startswith("#") and not is_code:
            if lines:
                yield heading, lines
            heading, lines = line.lstrip("# "), []
        elif line and not line.startswith((":::", "![")) and not re.fullmatch(r"\|[-| :]+\|", line):
            lines.append(line)
    if lines:
        yield heading, lines
