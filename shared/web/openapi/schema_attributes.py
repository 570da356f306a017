"""What JSON Schema says of a marshmallow field beyond what apispec knows: patterns, sizes of objects, defaults.

Patterns are of ECMA 262, which JSON Schema means and generated clients compile.
"""

import dataclasses
import enum
import re
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.web.schemas.refusals import pattern_of, refusals_of

# What Python's regular expressions have and ECMA 262 does not, or means otherwise.
_FOREIGN = re.compile(r"\\[AZ]|\(\?(?:P|#|\(|[aiLmsux-])|[*+?}]\+|\\N")


def add_to(plugin: MarshmallowPlugin) -> None:
    """Once its APISpec is there."""
    for attribute in (_pattern, _size_of_object, _default, _refusals, _choice):
        plugin.converter.add_attribute_function(attribute)  # type: ignore[union-attr]  # None before there is a spec


def ecma_pattern(pattern: str) -> str:
    r"""The same for ECMA 262: marshmallow matches from the start, and `\Z` is `$` there. Raises ValueError."""
    inner = pattern.removeprefix("^").removesuffix(r"\Z").removesuffix("$")
    end = "$" if pattern.endswith((r"\Z", "$")) else ""
    if _FOREIGN.search(inner):
        raise ValueError(f"{pattern}: not a pattern of ECMA 262")
    alternatives = f"(?:{inner})" if "|" in inner else inner
    return f"^{alternatives}{end}"


def _pattern(self: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    return {"pattern": ecma_pattern(ret["pattern"])} if "pattern" in ret else {}


def _refusals(self: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What is refused though it fits all else, in the words in which it is refused."""
    texts = [*([ret["description"]] if "description" in ret else []), *refusals_of(field)]
    found = {"description": "; ".join(texts)} if texts else {}
    pattern = pattern_of(field)
    return found if pattern is None or "pattern" in ret else found | {"pattern": pattern}


def _size_of_object(self: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, fields.Dict):
        return {}
    sizes = {}
    for text, members in (("minLength", "minProperties"), ("maxLength", "maxProperties")):
        for name in (text, text.replace("Length", "Items")):
            if name in ret:
                sizes[members] = ret.pop(name)
    names = {} if field.key_field is None else self.field2property(field.key_field)
    return sizes | ({"propertyNames": names} if names.keys() - {"type"} else {})


def _choice(self: Any, field: fields.Field[Any], *, ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The type of a choice among texts, which apispec leaves out: generators look there for null."""
    values = ret.get("enum", ())
    if "type" in ret or not values or not all(isinstance(value, str | None) for value in values):
        return {}
    return {"type": ["string", "null"] if None in values else "string"}


def _default(self: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """What the shape that the schema loads into takes where nothing is given."""
    schema = field.parent
    shape = schema.shape if isinstance(schema, Schema) and hasattr(schema, "shape") else None
    members = dataclasses.fields(shape) if shape is not None else ()
    default = next((member.default for member in members if member.name == field.name), None)
    if isinstance(default, enum.Enum):
        return {"default": default.value}
    # An empty text stands for none, which is what most such parameters do not take when it is sent.
    return {"default": default} if isinstance(default, str | int) and default != "" else {}
