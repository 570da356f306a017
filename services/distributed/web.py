"""Web process: `python -m services.distributed.web SERVICE DOOR` serves one HTTP door under Granian.

DOOR: public, internal, or of keys console.
"""

import multiprocessing
import os
import socket
import sys
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from services.distributed.draining import Draining, drain_before_sigterm
from services.distributed.lifeline import end_with
from services.service_registry import SERVICES
from shared.observability import logs, saturation
from shared.runtime.garbage import look_seldom_for_garbage
from shared.settings import read_settings, take_key_forms

_INTERNAL_THREADS = 4
_SERVICE, _DOOR = "GRILLO_SERVICE", "GRILLO_DOOR"


def main(service: str, door: str) -> None:
    settings = read_settings()
    is_public = door != "internal"
    address = settings.web_address if is_public else settings.internal_address
    port = settings.web_port if is_public else settings.internal_port
    _refuse_to_share(address, port)
    # Granian's workers are processes of their own; this is how they learn what to be.
    os.environ[_SERVICE], os.environ[_DOOR] = service, door
    server = Granian(
        "services.distributed.web:app",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=settings.web_workers if is_public else 1,
        blocking_threads=SERVICES[service].web_threads if is_public else _INTERNAL_THREADS,
        factory=True,
        log_level=LogLevels.error,
        log_access=False,
        workers_kill_timeout=10,
    )
    if is_public and settings.drain_seconds:
        server.on_startup(drain_before_sigterm(settings.drain_seconds))
    server.serve()


def _refuse_to_share(address: str, port: int) -> None:
    """Granian listens where another process of the same user already does (SO_REUSEPORT, for its workers): then each
    answers some of the requests. Exits if anything listens there."""
    is_ipv6 = ":" in address
    try:
        # As Granian: an IPv6 address that stands for all stands for IPv4's, too.
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        socket.create_server((address, port), family=family, dualstack_ipv6=is_ipv6).close()
    except OSError as error:
        sys.exit(f"cannot listen at {address}, port {port}: {error.strerror}. Stop what listens there, or set another.")


def app() -> Any:
    """What a Granian worker calls once."""
    # Nothing is green here: eventlet, which nameko's client brings, need not read a resolver of its own.
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    # Here and not above: the process that only looks after the workers would read all of it first, for two seconds.
    from services.distributed import composition

    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        end_with(parent.pid)
    take_key_forms()
    logs.configure()
    service, settings = os.environ[_SERVICE], read_settings()
    match os.environ[_DOOR]:
        case "console":
            from services.distributed import keys

            application = Draining(keys.console(settings), settings.web_port, settings.drain_seconds)
        case "internal":
            application = composition.internal_door(service, settings)
        case _:
            application = Draining(composition.web(service, settings), settings.web_port, settings.drain_seconds)
            saturation.web_threads.set(SERVICES[service].web_threads)
    look_seldom_for_garbage()
    return application


if __name__ == "__main__":
    main(*sys.argv[1:3])
