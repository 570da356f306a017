"""Optimistic concurrency: a change names the revision it is based on, and is refused if the resource has moved on."""


class RevisionDiffers(Exception):
    """The change was based on another revision than the current one, which is `actual`."""

    def __init__(self, actual: int) -> None:
        self.actual = actual
        super().__init__(f"it is at revision {actual}")
