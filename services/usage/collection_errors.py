"""What an organisation keeps with usage, rules, channels and deliveries, is refused for the same reasons."""


class NoSuchItem(Exception):
    """Unknown, deleted or another organisation's."""
