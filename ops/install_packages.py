"""pip install with progress: what it is fetching and unpacking, in one line each instead of pip's hundreds.

`python ops/install_packages.py ARGUMENTS OF PIP INSTALL`, run by the Makefile with the environment's own Python. On a
terminal the lines count up; elsewhere each is written once, when it is done. If pip fails, all that it said follows.
"""

import queue
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

_FETCHES = ("Collecting ", "Processing ")
_UNPACKS = "Installing collected packages: "
_LOOK_SECONDS = 0.3


class Line:
    """One step's line: overwritten on a terminal, silent elsewhere until it ends."""

    def __init__(self, step: str) -> None:
        self._step, self._is_terminal = step, sys.stdout.isatty()

    def show(self, state: str) -> None:
        if self._is_terminal:
            sys.stdout.write(f"\r\033[K  {self._step} … {state}")
            sys.stdout.flush()

    def end(self, state: str) -> None:
        sys.stdout.write(f"\r\033[K  {self._step} … {state}\n" if self._is_terminal else f"  {self._step} … {state}\n")
        sys.stdout.flush()


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    pip = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)  # noqa: S603  our own arguments
    said: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(pip, said), daemon=True).start()
    everything = _follow(said)
    status = pip.wait()
    if status:
        sys.stdout.write("\n" + "".join(everything))
    return status


def _read(pip: "subprocess.Popen[str]", said: "queue.Queue[str | None]") -> None:
    assert pip.stdout is not None  # noqa: S101  it is a pipe
    for line in pip.stdout:
        said.put(line)
    said.put(None)


def _follow(said: "queue.Queue[str | None]") -> list[str]:
    """Everything pip said, once it has ended."""
    everything: list[str] = []
    fetching, unpacking = Line("fetching packages"), Line("unpacking them")
    fetched, before, total = 0, 0, 0
    while True:
        try:
            line = said.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            if total:
                unpacking.show(f"{min(_installed() - before, total)} of {total}")
            continue
        if line is None:
            break
        everything.append(line)
        if line.startswith(_FETCHES):
            fetched += 1
            fetching.show(f"{fetched}: {_name(line)}")
        elif line.startswith(_UNPACKS):
            before, total = _installed(), line.count(",") + 1
            fetching.end(str(fetched))
        elif line.startswith("Successfully installed ") and total:
            unpacking.end(str(total))
    return everything


def _name(line: str) -> str:
    """Of what pip collects or processes: `nameko<3,>=2.14.1 (from grillo)` or `/path/to/nameko-2.14.1.whl`."""
    word = line.split()[1].split("/")[-1]
    for sign in "[<>=!~;":
        word = word.split(sign)[0]
    return word.split("-")[0]


def _installed() -> int:
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
