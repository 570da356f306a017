"""Elements of QuakeML as lxml has them, by their names without namespaces, which differ from version to version."""

from collections.abc import Iterator
from typing import Any

# What some agencies write where they say nothing.
_NOTHING = ("", "null")


def local_name(element: Any) -> str:
    """ "" for what is no element: an entity that was not resolved, or None."""
    tag = getattr(element, "tag", None)
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Any, name: str) -> Iterator[Any]:
    return (each for each in (() if element is None else element) if local_name(each) == name)


def child(element: Any, *names: str) -> Any:
    """The first one, step by step; None: there is none."""
    for name in names:
        element = next(children(element, name), None)
        if element is None:
            return None
    return element


def value_of(element: Any, *names: str) -> str | None:
    """The text of the child there; None: there is none, or it says nothing."""
    return text_of(child(element, *names))


def text_of(element: Any) -> str | None:
    text = "" if element is None else (element.text or "").strip()
    return None if text in _NOTHING else text
