"""Pins what images install: each package at the version of constraints.txt, each of its files by its SHA-256.

`make pins`, after pyproject.toml or constraints.txt changed; it asks PyPI. What one image has beyond another is in a
file of its own, so that no package is written down twice.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "ops/pins"
PYTHON = "3.13"  # the images'
_UV = "uv==0.13.9"
# In the order in which images are made: of each, what is resolved, and which have its other packages already.
_FILES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "grillo": (("pyproject.toml",), ()),
    "sensors": (("pyproject.toml", "--extra", "sensors"), ("grillo",)),
    "build": (("pyproject.toml", "ops/pins/build.in"), ("grillo",)),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        _run(f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _UV)
        pinned: dict[str, dict[str, str]] = {}
        for name, (sources, before) in _FILES.items():
            known = {package for other in before for package in pinned[other]}
            found = _pins(_resolved(f"{folder}/bin/uv", sources))
            pinned[name] = {package: pin for package, pin in found.items() if package not in known}
            (PINS / f"{name}.txt").write_text("".join(pinned[name].values()))


def _resolved(uv: str, sources: tuple[str, ...]) -> str:
    how = ("--python-platform", "linux", "--python-version", PYTHON, "--constraint", "constraints.txt")
    return _run(uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes", *how, *sources)


def _pins(text: str) -> dict[str, str]:
    """By package, its lines: each begins one where no space is."""
    pins: dict[str, str] = {}
    for line in text.splitlines(keepends=True):
        if not line.startswith(" "):
            package = line.partition("==")[0]
            pins[package] = ""
        pins[package] += line
    return pins


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603  our own arguments
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
