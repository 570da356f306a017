"""Keys that auth and usage have seen, as the log told of them; keys asks for them where that log was put back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenKey:
    """`hint`: None where it is not known, or not any more."""

    key_id: str
    organisation_id: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenKeys:
    """A page, by id. `next`: its last id; None: no page follows."""

    keys: tuple[SeenKey, ...]
    next: str | None
