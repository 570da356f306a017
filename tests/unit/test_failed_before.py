"""What is run again of what failed: little, and nothing that has no process to wait for."""

import pytest

from tests.failed_before import again

OF_PROCESSES = "tests/integration/web/test_servers.py::test_a_server_answers[granian@loopback]"


def test_of_what_failed_a_few_tests_of_processes_are_run_again_by_the_names_that_pytest_takes() -> None:
    other = "tests/faults/test_restarts.py::test_a_stop_in_the_middle"
    assert again([OF_PROCESSES + "@distributed", other], [1, 0]) == [other, OF_PROCESSES]


@pytest.mark.parametrize(
    "failed",
    [
        [],
        [OF_PROCESSES, "tests/unit/keys/test_grants.py::test_a_grant"],
        ["tests/contract/test_chain.py::test_its_form"],
        ["tests/integration/web/test_servers.py"],  # cannot even be imported
        [f"tests/faults/test_restarts.py::test_{number}" for number in range(3)],
    ],
)
def test_what_failed_for_sure_or_many_at_once_is_not(failed: list[str]) -> None:
    assert again(failed, [1]) == []


@pytest.mark.parametrize("run", [None, 2, 3, 4, 5])
def test_where_a_run_was_killed_or_broken_off_or_found_nothing_nothing_is_run_again(run: int | None) -> None:
    """There is more than one run where tests of a file have to run alone."""
    assert again([OF_PROCESSES], [1]) == [OF_PROCESSES]
    assert again([OF_PROCESSES], [run, 1]) == again([OF_PROCESSES], [1, run]) == []


def test_where_nobody_knows_of_a_run_nothing_is_run_again() -> None:
    assert again([OF_PROCESSES], []) == []
