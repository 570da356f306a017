"""Optimistic concurrency: a change names the revision it was made from, and is refused when another came between."""


class RevisionDiffers(Exception):
    """The caller has seen another revision than there is. `actual`: the one there is."""

    def __init__(self, actual: int) -> None:
        self.actual = actual
        super().__init__(f"it is at revision {actual}")
