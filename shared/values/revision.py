"""Optimistic concurrency: a change names the revisions that it is based on, and is refused at any other."""

from dataclasses import dataclass


class RevisionDiffers(Exception):
    """The change was based on another revision than the current one, which is `actual`."""

    def __init__(self, actual: int) -> None:
        self.actual = actual
        super().__init__(f"it is at revision {actual}")


@dataclass(frozen=True, slots=True)
class SeenRevisions:
    """The revisions that a caller says it has seen, one of which must be the present one. None: any will do."""

    revisions: frozenset[int] | None = None

    def check(self, present: int) -> None:
        """To call where nobody else can change the resource until the change is committed. Raises RevisionDiffers."""
        if self.revisions is not None and present not in self.revisions:
            raise RevisionDiffers(present)


ANY_REVISION = SeenRevisions()
