"""Base class of values that are made for each request: immutable, fast to make, ignored by the garbage collector."""

import msgspec


class FrozenStruct(msgspec.Struct, frozen=True, gc=False):
    """Immutable like a frozen dataclass, made several times faster, and never visited by the collector of cycles.

    A subclass repeats `frozen=True, gc=False`, for mypy. In a compiled module (setup.py) mypyc drops these options, and
    what is inherited from here holds. So a subclass must not ask for any other option.
    """
