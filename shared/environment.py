"""Environment variables, and files that they name: `NAME_FILE` names the file whose content is the setting NAME.

One that is empty counts as not set. Each fault is one line that names the setting and what it must be, never its value.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from environs import EnvError, EnvNotSetError, FileAwareEnv, validate

Parsed = TypeVar("Parsed")


class SettingWrong(Exception):
    """A setting is missing or invalid. The text says what it must be, never a value that may be secret."""


class _Environment(FileAwareEnv):
    def _get_value(self, name: str, default: object) -> object:
        """A file's last line break is not part of the setting: editors and orchestrators put it there."""
        stated, file_name = os.environ.get(name), f"{name}{self.file_suffix}"
        if not os.environ.get(file_name):
            return stated or default
        if stated:
            raise SettingWrong(f"{name} and {file_name} are both set; keep one of them.")
        try:
            content: str = super()._get_value(name, "")
        except (OSError, ValueError):
            raise SettingWrong(f"{file_name} must name a file with text that this process may read.") from None
        return content.removesuffix("\n") or default


environment = _Environment()


def stated(name: str, must_be: str, read: Callable[[str], Parsed]) -> Parsed:
    """What `read` makes of the setting: a method of `environment` with its bounds, say. Raises SettingWrong."""
    try:
        return read(name)
    except EnvNotSetError:
        raise SettingWrong(f"{name} is not set; set it to {must_be}.") from None
    except (EnvError, ValueError):
        raise SettingWrong(f"{name} must be {must_be}.") from None


def text(name: str, default: str = "") -> str:
    """Raises SettingWrong, if its file cannot be read."""
    return stated(name, "a text", partial(environment.str, default=default)) or default


def words(name: str) -> tuple[str, ...]:
    """Those that commas, spaces or line breaks separate. Raises SettingWrong, if its file cannot be read."""
    return tuple(text(name).replace(",", " ").split())


def whole(name: str, default: int, most: int) -> int:
    """Raises SettingWrong."""
    bounds = validate.Range(min=1, max=most)
    read = partial(environment.int, default=default, validate=bounds)
    return stated(name, f"a whole number from 1 to {most}", read) or default
