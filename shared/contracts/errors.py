"""RPC errors: the exceptions that a caller of another service may catch, by names that never change.

On the wire an error is named by its class's module path. These classes claim a path that no module has, so that moving
them changes nothing for callers.
"""

import sys
from types import ModuleType

WIRE_MODULE = "grillo.errors"
# nameko asks sys.modules for the class's module by this name.
sys.modules.setdefault(WIRE_MODULE, ModuleType(WIRE_MODULE, "The wire names of errors; it holds nothing."))


class ServiceError(Exception):
    """A call that was understood and refused. Its one argument is a message for people, without secrets."""

    __module__ = WIRE_MODULE


class NotFound(ServiceError):
    """It is unknown, deleted or another organisation's; the caller cannot tell which."""

    __module__ = WIRE_MODULE


class Conflict(ServiceError):
    """The change cannot be made in the present state; the message says which state that is."""

    __module__ = WIRE_MODULE


class InvalidArguments(ServiceError):
    """Arguments are missing or invalid. The message names each, and what it must be."""

    __module__ = WIRE_MODULE


class Unavailable(ServiceError):
    """A database or service that the answer needs is away; the same call may succeed later."""

    __module__ = WIRE_MODULE


class NotAllowed(ServiceError):
    """The caller's account may not call this, or not about this organisation; the message says which."""

    __module__ = WIRE_MODULE


ALL: tuple[type[ServiceError], ...] = (ServiceError, NotFound, Conflict, InvalidArguments, Unavailable, NotAllowed)
