"""Failure: how a command ends badly. One line says what is wrong and what to do; exit status 1."""


class Failure(Exception):
    pass


def unforeseen(file: str, error: Exception) -> str:
    """What is said of a file that failed by a fault of ours: it costs only itself."""
    said = " ".join(str(error).split())[:300]
    return f"{file}: unforeseen {type(error).__name__}: {said}. Report it; what is stored of the file stays."
