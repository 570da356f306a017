"""What a service answers over RPC: arguments checked, answers shaped, failures named, calls counted."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from marshmallow import Schema, ValidationError
from nameko.exceptions import registry
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.contracts import errors
from shared.contracts.errors import InvalidArguments, ServiceError, Unavailable
from shared.messaging.rpc.entrypoint import Procedure
from shared.observability import metrics

Method = TypeVar("Method", bound=Callable[..., Any])

# nameko makes these errors again on the caller's side, by their wire names.
registry.update({f"{errors.WIRE_MODULE}.{error.__name__}": error for error in errors.ALL})


def procedure(arguments: Schema, answer: Schema | None = None) -> Callable[[Method], Method]:
    """Entrypoint: a method that other services may call.

    It is given what `arguments` loads, by name. What it returns goes out as JSON values, through `answer` where one
    is given: there only what the schema names leaves. Callers see a ServiceError, or nameko's own errors.
    """

    def decorate(method: Method) -> Method:
        names = tuple(inspect.signature(method).parameters)[1:]

        @functools.wraps(method)
        def answered(self: Any, *args: Any, **kwargs: Any) -> Any:
            count = functools.partial(metrics.rpc_calls.labels, self.name, method.__name__)
            try:
                given = arguments.load(_named(names, args, kwargs))
                result = method(self, **given)
                shaped = msgspec.to_builtins(result) if answer is None else answer.dump(result)
            except ValidationError as error:
                count("invalid-arguments").inc()
                raise InvalidArguments(str(error.messages)) from None
            except ServiceError:
                count("refused").inc()
                raise
            except (OperationalError, InterfaceError) as error:
                count("failed").inc()
                # What the driver says may name hosts and quote rows; the log has it, the caller need not.
                raise Unavailable(f"{self.name}'s database does not answer") from error
            except Exception:
                count("failed").inc()
                raise
            count("answered").inc()
            return shaped

        entrypoint: Method = Procedure.decorator(answered)
        return entrypoint

    return decorate


def _named(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Raises ValidationError."""
    if len(args) > len(names):
        raise ValidationError(f"takes {len(names)} arguments: {', '.join(names)}")
    positional = dict(zip(names, args, strict=False))
    if twice := positional.keys() & kwargs.keys():
        raise ValidationError(f"given twice: {', '.join(sorted(twice))}")
    return positional | kwargs
