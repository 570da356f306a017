"""Mutation tests: breaks the code in one named place at a time, and runs the tests that must notice.

`python -m tests.mutants` runs all; with words, those that have one in their guarantee or name. Writes the result of
each guarantee that was run whole into docs/guarantees.md. Everything happens in copies of this tree. Fails if a mutant
survives, no longer applies, or cannot be judged.
"""

import contextlib
import importlib.util
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.mutants.catalogue import GUARANTEES, ROOT, Mutant, mutants, sections

UNSHRUNK = "--hypothesis-profile=unshrunk"
WORKERS = int(os.environ.get("MUTANT_WORKERS", "2"))
_SECONDS_MAX = 1200  # of one run of tests
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".env", "build", "data", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", ".coverage*"
)
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
_TIMED_OUT = re.compile(r"^E +Failed: Timeout", re.MULTILINE)
_HEAD = ("| guarantee | mutants | killed | not killed |", "|---|---|---|---|")
_ROW = re.compile(r"^\| (?!guarantee).+\|$", re.MULTILINE)
_TABLE = re.compile(r"(?<=<!-- mutants -->\n).*?(?=<!-- /mutants -->)", re.DOTALL)


class Outcome(Enum):
    KILLED = "killed"
    SURVIVED = "survived"
    NOT_APPLIED = "does not apply"
    NOT_JUDGED = "could not be judged"


class TestsFail(Exception):
    """A test fails without any mutant, so that it would notice nothing. The argument names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`detail`: the test that noticed, or what went wrong."""

    mutant: Mutant
    outcome: Outcome
    detail: str
    seconds: float


class Copy:
    """This tree in a folder of its own, where one mutant at a time is put in and taken out again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tree"
        shutil.copytree(ROOT, self._folder, ignore=_LEFT_OUT)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        data = Path(os.environ.get("GRILLO_TEST_DATA", ROOT / "../shared/data/openeew"))
        self._environment = inherited | {"PYTHONPATH": str(self._folder), "GRILLO_TEST_DATA": str(data.resolve())}

    def judge(self, mutant: Mutant) -> Result:
        began = time.monotonic()
        found = mutant.matches(self._folder)
        if found != 1:
            where = f"its text stands {found} times in {mutant.file}"
            return Result(mutant=mutant, outcome=Outcome.NOT_APPLIED, detail=where, seconds=0.0)
        source = self._folder / mutant.file
        text = source.read_text()
        try:
            self._put(source, mutant.mutated(text))
            outcome, detail = self.test(mutant.tests)
        finally:
            self._put(source, text)
        return Result(mutant=mutant, outcome=outcome, detail=detail, seconds=time.monotonic() - began)

    def test(self, tests: Sequence[str]) -> tuple[Outcome, str]:
        """A run that cannot be collected, or takes too long, has noticed nothing."""
        options = ("-q", "-x", "-p", "no:cacheprovider", "--timeout=180", "--hypothesis-seed=0", UNSHRUNK)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS_MAX,
            )
        except subprocess.TimeoutExpired:
            return Outcome.NOT_JUDGED, f"its tests took longer than {_SECONDS_MAX} seconds"
        return outcome(done.returncode, done.stdout, done.stderr)

    def _put(self, source: Path, text: str) -> None:
        """Python tells bytecode that is out of date by second and size, which two mutants may share."""
        source.write_text(text)
        if source.suffix == ".py":
            Path(importlib.util.cache_from_source(str(source))).unlink(missing_ok=True)


def outcome(status: int, output: str, errors: str) -> tuple[Outcome, str]:
    """Of a run of pytest. A test that only took too long has noticed nothing: the machine may have been busy."""
    failed = _FAILED.findall(output)
    if _TIMED_OUT.search(output):
        return Outcome.NOT_JUDGED, f"a test took too long: {', '.join(failed)}"
    if status == 1 and failed:
        return Outcome.KILLED, failed[0]
    if status == 0 and re.search(r"\d+ passed", output):
        return Outcome.SURVIVED, ""
    return Outcome.NOT_JUDGED, f"pytest ended with {status}: {(output + errors)[-2000:]}"


def run(wanted: Sequence[Mutant]) -> list[Result]:
    """Judges them in WORKERS copies. Raises TestsFail if tests fail without any mutant."""
    tests = sorted({test for mutant in wanted for test in mutant.tests})
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies = [Copy(Path(folder) / str(number)) for number in range(min(WORKERS, len(wanted)))]
        # Neighbours in the order of their names share fixtures of a file or a folder.
        share = -(-len(tests) // len(copies))
        parts = [tests[at : at + share] for at in range(0, len(tests), share)]
        _say(f"{len(wanted)} mutants. First their tests, {len(tests)} files or functions, without any …")
        for outcome, detail in pool.map(lambda copy, part: copy.test(part), copies, parts):
            if outcome is not Outcome.SURVIVED:
                raise TestsFail(detail)
        waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        for mutant in wanted:
            waiting.put(mutant)
        return [result for results in pool.map(lambda copy: list(_judged(copy, waiting)), copies) for result in results]


def _judged(copy: Copy, waiting: "queue.SimpleQueue[Mutant]") -> Iterator[Result]:
    with contextlib.suppress(queue.Empty):
        while True:
            result = copy.judge(waiting.get_nowait())
            _say(f"{result.outcome.value:10} {result.seconds:5.1f} s  {result.mutant.guarantee}: {result.mutant.name}")
            _say(f"{'':20}{result.detail}")
            yield result


def table(results: Iterable[Result]) -> dict[str, str]:
    """Guarantee → its row of the table that docs/guarantees.md shows."""
    by_guarantee: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_guarantee[result.mutant.guarantee].append(result)
    rows = {}
    for guarantee, of_it in by_guarantee.items():
        left = sorted(result.mutant.name for result in of_it if result.outcome is not Outcome.KILLED)
        rows[guarantee] = f"| {guarantee} | {len(of_it)} | {len(of_it) - len(left)} | {'; '.join(left) or '–'} |"
    return rows


def tell(rows: Mapping[str, str]) -> None:
    """Writes rows into docs/guarantees.md; those of other guarantees stay as they were."""
    page = GUARANTEES.read_text()
    before = {row.split(" | ")[0].removeprefix("| "): row for row in _ROW.findall(_TABLE.findall(page)[0])}
    known = before | dict(rows)
    lines = [*_HEAD, *(known[guarantee] for guarantee in sections() if guarantee in known)]
    GUARANTEES.write_text(_TABLE.sub(lambda _: "\n".join(lines) + "\n", page))


def main(names: Sequence[str]) -> int:
    known = mutants()
    wanted = [
        mutant for mutant in known if not names or any(name in f"{mutant.guarantee}: {mutant.name}" for name in names)
    ]
    if not wanted:
        _say(f"no mutant has a guarantee or name with {' or '.join(names)} in it")
        return 2
    try:
        results = sorted(run(wanted), key=lambda result: known.index(result.mutant))
    except TestsFail as fault:
        _say(f"Without any mutant: {fault}")
        return 1
    whole = {guarantee for guarantee in sections() if all(one in wanted for one in known if one.guarantee == guarantee)}
    rows = {guarantee: row for guarantee, row in table(results).items() if guarantee in whole}
    tell(rows)
    _say("\n".join(rows.values()))
    not_killed = [result for result in results if result.outcome is not Outcome.KILLED]
    for result in not_killed:
        _say(f"{result.outcome.value}: {result.mutant.guarantee}: {result.mutant.name}. {result.detail}")
    _say(f"{len(results)} mutants, {len(results) - len(not_killed)} killed")
    return 1 if not_killed or len(results) != len(wanted) else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
