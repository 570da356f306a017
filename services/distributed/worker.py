"""Worker process: `python -m services.distributed.worker SERVICE` runs the service's nameko containers."""

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import gc
import os
import signal
import sys
from types import FrameType
from typing import Any

import eventlet
import structlog
from nameko.runners import ServiceRunner

from services.distributed.composition import assemble
from services.service_registry import SERVICES
from shared.messaging.entrypoints import ACCOUNTS, COMPOSITION
from shared.observability import logs
from shared.runtime.clock import SystemClock
from shared.runtime.garbage import look_seldom_for_garbage
from shared.settings import read_settings, take_key_forms

# At one time, of all containers together: as many as a pool keeps connections to the database.
CALLS_MAX = 20
STOP_SECONDS_MAX = 5
_log = structlog.get_logger(__name__)


def main(service: str) -> None:
    os.nice(SERVICES[service].nice)
    take_key_forms()
    logs.configure()
    settings, clock = read_settings(), SystemClock()
    part = assemble(service, settings, clock)
    provided: dict[str, Any] = {"clock": clock} | part.provided()
    classes = SERVICES[service].service_classes()
    calls_max = CALLS_MAX // len(classes)
    configuration = {"AMQP_URI": settings.amqp_uri, "max_workers": calls_max}
    runner = ServiceRunner(configuration | {COMPOSITION: provided, ACCOUNTS: settings.accounts})
    for service_class in classes:
        runner.add_service(service_class)

    def stop(_number: int, _frame: FrameType | None) -> None:
        eventlet.spawn_n(runner.stop)
        eventlet.spawn_after(STOP_SECONDS_MAX, give_up)

    def give_up() -> None:
        # What is not acknowledged is delivered again, and each handler is safe to run twice.
        _log.warning("stop_cut_short", service=service, after_seconds=STOP_SECONDS_MAX)
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    part.start()
    runner.start()
    look_seldom_for_garbage()
    runner.wait()
    part.stop()
    gc.freeze()  # the interpreter's last collection would look at every object, for a second


if __name__ == "__main__":
    main(sys.argv[1])
