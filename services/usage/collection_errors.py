"""What an organisation keeps with usage, rules, channels and deliveries, is refused for the same reasons."""


class NoSuchItem(Exception):
    """Unknown, deleted or another organisation's."""


class RevisionDiffers(Exception):
    """The caller has seen another one than there is."""

    def __init__(self, actual: int) -> None:
        self.actual = actual
        super().__init__(f"it is at revision {actual}")
