"""The one way a command ends badly: a line that says what is wrong and what to do, and exit status 1."""


class Failure(Exception):
    pass
