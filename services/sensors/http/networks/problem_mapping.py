"""Refusals of the networks' commands as the problems that the HTTP API answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.sensors.networks.commands import NetworkHasSensors, TakesNoSensors, TooManyNetworks
from services.sensors.networks.network import NameDiffers, NeverOff, NoSuchNetwork
from shared.web.problems.catalogue import Problem


@contextmanager
def as_problems() -> Iterator[None]:
    """Raises Problem for what is refused inside."""
    try:
        yield
    except NoSuchNetwork:
        raise Problem("outside-organisation") from None
    except NameDiffers as refusal:
        raise Problem("invalid-request", f"name: {refusal}") from None
    except NeverOff as refusal:
        raise Problem("invalid-body", members={"errors": {"/detection/trigger_off": [str(refusal)]}}) from None
    except NetworkHasSensors as refusal:
        raise Problem("in-use", str(refusal)) from None
    except (TakesNoSensors, TooManyNetworks) as refusal:
        raise Problem("conflict", str(refusal)) from None
