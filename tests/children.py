"""Work in a process of its own: forked, so it starts in milliseconds, and may be killed at any point."""

import os
import traceback
from collections.abc import Callable


def fork(work: Callable[[], object]) -> int:
    """The child's process id. Its exit code is 1 when `work` raises. Start no threads before."""
    process_id = os.fork()
    if process_id:
        return process_id
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(process_id: int) -> int:
    """The exit code; or, negative, the signal that ended it."""
    _, status = os.waitpid(process_id, 0)
    return os.waitstatus_to_exitcode(status)
