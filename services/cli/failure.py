"""Failure: how a command ends badly. One line says what is wrong and what to do; exit status 1."""


class Failure(Exception):
    pass
