"""Refusals of keys' commands as the problems that the HTTP API answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from services.keys.commands.creation import DigestKnown, KeysRefused
from services.keys.commands.network_checks import NetworksAway, UnknownNetworks
from services.keys.lifecycle.bounds import BeyondOwnBounds
from services.keys.lifecycle.decision import AdminOfNetworks, KeyHasExpired, KeyIsRevoked, RegenerationRequired
from services.keys.lifecycle.key import NoSuchKey
from services.keys.lifecycle.lifetimes import BeyondLifetime
from services.keys.lifecycle.lock_out import LockOut
from services.keys.lifecycle.organisation import DefaultBeyondMaximum, TooManyKeys
from services.keys.revocation.fence import Fenced
from shared.gate.verdict import Verdict
from shared.values.timestamps import rfc3339
from shared.web.problems.catalogue import Problem, unavailable
from shared.web.problems.refusals import refusal_problem
from shared.web.requests.json_body import told

# Settings of a key's access that the API names otherwise.
_MEMBERS = {"minute_limit": "limits.minute", "day_limit": "limits.day"}


@contextmanager
def as_problems() -> Iterator[None]:
    """Raises Problem for what is refused inside."""
    try:
        yield
    except NoSuchKey:
        raise Problem("not-found") from None
    except Fenced as refused:
        # As the gate would answer now.
        raise refusal_problem(Verdict(refused.refusal), refused.refusal, refused.permission) from None
    except BeyondOwnBounds as refusal:
        member = _MEMBERS.get(refusal.bound, refusal.bound)
        raise Problem("beyond-own-bounds", f"{member} would go beyond that of the calling key") from None
    except BeyondLifetime as refusal:
        message = f"{refusal}: this one may expire at {rfc3339(refusal.latest)} at the latest"
        raise Problem("invalid-body", members={"errors": {"/expires_at": [message]}}) from None
    except DigestKnown as refusal:
        raise Problem("invalid-body", members={"errors": {"/sha256": [str(refusal)]}}) from None
    except (AdminOfNetworks, UnknownNetworks) as refusal:
        raise Problem("invalid-body", members={"errors": {"/networks": [str(refusal)]}}) from None
    except NetworksAway:
        raise unavailable(detail="which networks there are cannot be asked right now; nothing was changed") from None
    except (KeyIsRevoked, KeyHasExpired) as refusal:
        raise Problem("conflict", str(refusal)) from None
    except LockOut as refusal:
        raise Problem("lock-out", f"{refusal}: add `?force=true` if that is wanted") from None
    except RegenerationRequired as refusal:
        detail = f"the key would gain {refusal.gains}: send `regenerate: true` with the change"
        raise Problem("regeneration-required", detail) from None
    except DefaultBeyondMaximum as refusal:
        raise Problem("invalid-body", members={"errors": {"/lifetime_default_days": [str(refusal)]}}) from None
    except TooManyKeys as refusal:
        raise Problem("too-many-keys", str(refusal)) from None
    except KeysRefused as refused:
        raise of_keys({at: _problem_of(refusal) for at, refusal in refused.refusals.items()}) from None


def of_keys(problems: Mapping[int, Problem]) -> Problem:
    """One problem of a request with many `keys`, none of which is made: each fault by its place in the request.

    Where one of them is no fault of the body, it names the problem, and is told first.
    """
    names = {problem.type.name for problem in problems.values()}
    name = next(iter(sorted(names - {"invalid-body"})), "invalid-body")
    errors: dict[str, list[str]] = {}
    for at, problem in sorted(problems.items(), key=lambda one: (one[1].type.name != name, one[0])):
        faults = problem.members.get("errors") or {"": [problem.detail or problem.type.advice]}
        errors |= {f"/keys/{at}{pointer}": messages for pointer, messages in faults.items()}
    return Problem(name, members={"errors": told(errors)})


def _problem_of(refusal: Exception) -> Problem:
    try:
        with as_problems():
            raise refusal
    except Problem as problem:
        return problem
