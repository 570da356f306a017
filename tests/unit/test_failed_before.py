"""What is run again of what failed: little, and nothing that has no process to wait for."""

import pytest

from tests.failed_before import again

OF_PROCESSES = "tests/integration/web/test_servers.py::test_a_server_answers[granian@loopback]"


def test_of_what_failed_a_few_tests_of_processes_are_run_again_by_the_names_that_pytest_takes() -> None:
    other = "tests/faults/test_restarts.py::test_a_stop_in_the_middle"
    assert again([OF_PROCESSES + "@distributed", other]) == [other, OF_PROCESSES]


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
    assert again(failed) == []
