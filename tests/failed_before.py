"""What failed in the last run of pytest, as arguments for another one: `python -m tests.failed_before`.

For CI alone, which has one try at a change: a few tests of real processes that failed are run again, twice, and named
(decision 104). Nothing of the kind for more than a few, or for tests that have no process to wait for: those are wrong.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

REMEMBERED = Path(".pytest_cache/v/cache/lastfailed")
FEW = 2
_GROUP = re.compile(r"@\w+$")  # of pytest-xdist, behind a test's name
_WITHOUT_PROCESSES = ("tests/unit/", "tests/contract/")


def again(failed: Iterable[str]) -> list[str]:
    """Names of tests to be run twice more, each as pytest takes it; none: what failed is to be mended."""
    names = sorted({_GROUP.sub("", name) for name in failed})
    if not names or len(names) > FEW or any(name.startswith(_WITHOUT_PROCESSES) or "::" not in name for name in names):
        return []
    return names


def main() -> int:
    try:
        names = again(json.loads(REMEMBERED.read_text()))
    except FileNotFoundError:
        return 1  # pytest did not come to its end
    REMEMBERED.unlink()
    for name in names:
        sys.stderr.write(f"FAILED AT FIRST, run twice more: {name}\n")
        sys.stdout.write(f"{name}\n")
    return 0 if names else 1


if __name__ == "__main__":
    sys.exit(main())
