"""What failed in the last run of pytest, as arguments for another one: `python -m tests.failed_before`.

For CI alone, which has one try at a change: a few tests of real processes that failed are run again, twice, and named
(decision 104). Nothing of the kind for more than a few, or for tests that have no process to wait for: those are wrong.
Nor where a run was killed, or ended otherwise than by failed tests: then there are tests of which nobody knows.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

_CACHE = Path(".pytest_cache/v")
_FAILED = _CACHE / "cache/lastfailed"
RUNS = "grillo/runs"
"""In pytest's cache: how each of its runs ended; None: it has not."""

FEW = 2
_GROUP = re.compile(r"@\w+$")  # of pytest-xdist, behind a test's name
_WITHOUT_PROCESSES = ("tests/unit/", "tests/contract/")


def begin(config: pytest.Config) -> None:
    if _is_kept(config):
        config.cache.set(RUNS, [*config.cache.get(RUNS, []), None])


def end(config: pytest.Config, exit_code: int) -> None:
    if _is_kept(config):
        config.cache.set(RUNS, [*config.cache.get(RUNS, [None])[:-1], int(exit_code)])


def _is_kept(config: pytest.Config) -> bool:
    """Not by workers of pytest-xdist, whose run is another's."""
    return not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("cacheprovider")


def again(failed: Iterable[str], runs: Sequence[int | None]) -> list[str]:
    """Names of tests to be run twice more, each as pytest takes it; none: what failed is to be mended."""
    if not runs or not {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}.issuperset(runs):
        return []
    names = sorted({_GROUP.sub("", name) for name in failed})
    if not names or len(names) > FEW or any(name.startswith(_WITHOUT_PROCESSES) or "::" not in name for name in names):
        return []
    return names


def main() -> int:
    try:
        names = again(json.loads(_FAILED.read_text()), json.loads((_CACHE / RUNS).read_text()))
    except FileNotFoundError:
        return 1  # pytest did not come to its end
    for name in names:
        sys.stderr.write(f"FAILED AT FIRST, run twice more: {name}\n")
        sys.stdout.write(f"{name}\n")
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main())
