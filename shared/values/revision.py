"""Optimistic concurrency: a change names the revision it is based on, and is refused if the resource has moved on."""


class RevisionDiffers(Exception):
    """The caller has seen another revision than there is. `actual`: the one there is."""

    def __init__(self, actual: int) -> None:
        self.actual = actual
        super().__init__(f"it is at revision {actual}")
