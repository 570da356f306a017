"""`python -m services.distributed.worker SERVICE`: a service's nameko containers, in a process of their own."""

from shared.messaging.cooperation import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import os
import signal
import sys
from types import FrameType
from typing import Any

import eventlet
from nameko.runners import ServiceRunner

from services.auth.service import AuthService
from services.distributed.composition import assemble
from services.keys.assembly import Keys
from services.keys.service import KeysFeedService, KeysService
from services.sensors.service import SensorsService
from services.usage.service import UsageService
from shared.messaging.entrypoints import COMPOSITION
from shared.observability import logs
from shared.runtime.clock import SystemClock
from shared.settings import read_settings

# Where cores are scarce these let requests and revocations go first, by so much of nice's steps that they still go on.
# Not keys', which is the second way to the log, nor auth's, which answers `verify`.
_STEP_BACK, _NICE = ("usage", "sensors"), 5
# At one time, of all containers together: as many as a pool keeps connections to the database.
CALLS_MAX = 20
_CLASSES: dict[str, tuple[type, ...]] = {
    "keys": (KeysService, KeysFeedService),
    "auth": (AuthService,),
    "usage": (UsageService,),
    "sensors": (SensorsService,),
}


def main(service: str) -> None:
    if service in _STEP_BACK:
        os.nice(_NICE)
    logs.configure()
    settings, clock = read_settings(), SystemClock()
    part = assemble(service, settings, clock)
    provided: dict[str, Any] = {"clock": clock} | part.provided()
    classes = _CLASSES[service]
    calls_max = CALLS_MAX // len(classes)
    runner = ServiceRunner({"AMQP_URI": settings.amqp_uri, "max_workers": calls_max, COMPOSITION: provided})
    for service_class in classes:
        runner.add_service(service_class)

    def stop(_number: int, _frame: FrameType | None) -> None:
        eventlet.spawn_n(runner.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if isinstance(part, Keys):
        part.doorbell.start()  # its commands ring it
    runner.start()
    runner.wait()
    if isinstance(part, Keys):
        part.doorbell.stop()


if __name__ == "__main__":
    main(sys.argv[1])
