"""Digests of images are written behind their tags, all or none; a Docker of the tests' own answers for registries."""

import re
import shutil
from pathlib import Path

import pytest

from ops.pin_images import ROOT, main

DOCKER = """#!/bin/sh
for image; do :; done
case "$image" in {missing}) echo "no such manifest" >&2; exit 1 ;; esac
printf 'sha256:%s\\n' "$(printf '%s {moment}' "$image" | sha256sum | cut -d ' ' -f 1)"
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("Dockerfile", "docker-compose.yml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def registries_say(tree: Path, moment: str, missing: str = "none") -> None:
    (tree / "docker").write_text(DOCKER.format(moment=moment, missing=missing))
    (tree / "docker").chmod(0o755)


def written(tree: Path) -> str:
    return (tree / "Dockerfile").read_text() + (tree / "docker-compose.yml").read_text()


def test_each_tag_gets_its_digest_and_nothing_else_changes(tree: Path) -> None:
    before = written(tree)
    tagged = len(re.findall(r"^(?:FROM|\s+image:) \S+:\S+", before, re.MULTILINE))
    registries_say(tree, "today")
    main(tree)
    today = written(tree)
    assert len(re.findall(r"@sha256:[0-9a-f]{64}", today)) == tagged
    assert re.sub(r"@sha256:[0-9a-f]{64}", "", today) == re.sub(r"@sha256:[0-9a-f]{64}", "", before)
    main(tree)
    assert written(tree) == today
    registries_say(tree, "tomorrow")
    main(tree)
    assert set(re.findall(r"@sha256:\S+", written(tree))).isdisjoint(re.findall(r"@sha256:\S+", today))


def test_an_image_that_no_registry_has_is_named_and_nothing_is_written(tree: Path) -> None:
    before = written(tree)
    registries_say(tree, "today", missing="redis:*")
    with pytest.raises(SystemExit, match=r"no digest of redis:\S+: no such manifest"):
        main(tree)
    assert written(tree) == before


def test_without_docker_it_says_where_to_run_it(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(SystemExit, match="docker is not installed here"):
        main(tree)
