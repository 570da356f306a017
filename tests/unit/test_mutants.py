"""The catalogue of mutants fits the code as it is: each applies, and names tests that exist and that the page names."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.__main__ import Outcome, outcome
from tests.mutants.catalogue import GUARANTEES, ROOT, Mutant, mutants, sections

MUTANTS = mutants()


def test_every_mutant_applies_in_exactly_one_place_and_changes_something() -> None:
    assert {mutant.name: mutant.matches() for mutant in MUTANTS if mutant.matches() != 1} == {}
    assert [mutant.name for mutant in MUTANTS if mutant.old == mutant.new] == []


def test_every_mutant_is_still_a_program() -> None:
    for mutant in MUTANTS:
        source = ROOT / mutant.file
        if source.suffix == ".py":
            ast.parse(mutant.mutated(source.read_text()), filename=mutant.name)


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_the_tests_that_must_notice_exist() -> None:
    named = {test for mutant in MUTANTS for test in mutant.tests}
    assert sorted(test for test in named if not _exists(test)) == []


def test_a_guarantee_is_shown_by_the_tests_that_its_section_names() -> None:
    assert [(mutant.name, test) for mutant in MUTANTS for test in mutant.tests if not _is_named(mutant, test)] == []


def test_the_page_tells_of_as_many_mutants_as_there_are() -> None:
    """`make mutants` writes it."""
    rows = re.findall(r"^\| (\w[^|]*?) \| (\d+) \| \d+ \|", GUARANTEES.read_text(), re.MULTILINE)
    assert {guarantee: int(number) for guarantee, number in rows} == Counter(mutant.guarantee for mutant in MUTANTS)


@pytest.mark.parametrize(
    ("status", "output", "judged"),
    [
        (0, "3 passed in 1 s", Outcome.SURVIVED),
        (1, "E   assert 1 == 2\nFAILED tests/a.py::test_b - assert 1 == 2\n1 failed", Outcome.KILLED),
        (
            1,
            "E   Failed: Timeout (>180.0s) from pytest-timeout.\nFAILED tests/a.py::test_b - Failed",
            Outcome.NOT_JUDGED,
        ),
        (2, "ERROR tests/a.py\n1 error", Outcome.NOT_JUDGED),
    ],
)
def test_a_test_that_took_too_long_or_was_not_collected_has_noticed_nothing(
    status: int, output: str, judged: Outcome
) -> None:
    assert outcome(status, output, "")[0] is judged


def _exists(test: str) -> bool:
    path, _, function = test.partition("::")
    return (ROOT / path).exists() and (not function or function in _functions(ROOT / path))


@cache
def _functions(file: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


def _is_named(mutant: Mutant, test: str) -> bool:
    """In full, or by its bare name, or by a folder that it stands in."""
    path = Path(test.partition("::")[0])
    section = sections()[mutant.guarantee]
    return any(f"`{name}`" in section for name in (str(path), path.name, *map(str, path.parents)))
