"""What a child process of ours leaves behind."""

from pathlib import Path

import pytest

from shared.observability.exposition import FOLDER_VARIABLE
from shared.runtime.child_process import start_child


def test_a_child_writes_nothing_into_the_folder_in_which_its_maker_s_processes_share_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    process, maker = start_child("shared.observability.metrics")  # which makes them, as a child that needs one does
    with maker:
        assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []
