"""API reference, `/docs` and `/docs/{tag}`: each operation with permission, parameters, problems, a curl line."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import falcon

from services.keys.console.public.operations import ApiOperation, operations
from services.keys.console.rendering import pages
from services.keys.console.rendering.languages import language_of
from shared.values.permissions import PERMISSIONS
from shared.web.problems.catalogue import Problem

_MEMBERS_OPEN_MAX = 12


class Reference:
    """The operations of one OpenAPI document, by tag."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._by_tag: dict[str, list[ApiOperation]] = {}
        for operation in operations(document):
            self._by_tag.setdefault(operation.tag, []).append(operation)

    @property
    def by_tag(self) -> Mapping[str, list[ApiOperation]]:
        return self._by_tag

    def answering(self, problem: str) -> list[ApiOperation]:
        """The operations that may answer the problem."""
        return [
            operation
            for group in self._by_tag.values()
            for operation in group
            if any(problem in names for _, names in operation.problems)
        ]

    def tag_of(self, slug: str) -> str | None:
        return next((tag for tag in self._by_tag if slug_of(tag) == slug), None)


def slug_of(tag: str) -> str:
    return tag.lower()


def address_of(operation: ApiOperation) -> str:
    return f"/docs/{slug_of(operation.tag)}#{operation.id}"


class ReferenceIndex:
    def __init__(self, reference: Reference) -> None:
        self._texts = _Texts(reference, "public/reference.html", permissions=PERMISSIONS)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._texts.answer(req, resp, None)


class ReferencePage:
    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._texts = _Texts(reference, "public/operations.html", members_open_max=_MEMBERS_OPEN_MAX)

    def on_get(self, req: falcon.Request, resp: falcon.Response, tag: str) -> None:
        current = self._reference.tag_of(tag)
        if current is None:
            raise Problem("not-found")
        self._texts.answer(req, resp, current)


class _Texts:
    """Rendered pages, kept: anyone may ask for them, and a long one takes tens of milliseconds.

    As many as there are tags, languages and themes together; nothing else of a request is in one.
    """

    def __init__(self, reference: Reference, template: str, **context: Any) -> None:
        self._template = template
        self._context = context | {"by_tag": reference.by_tag, "slug_of": slug_of, "address_of": address_of}
        self._text = cache(self._rendered)

    def answer(self, req: falcon.Request, resp: falcon.Response, tag: str | None) -> None:
        pages.answer_text(req, resp, self._text(tag, language_of(req), pages.theme_of(req)))

    def _rendered(self, tag: str | None, language: str, theme: str) -> str:
        path = "/docs" if tag is None else f"/docs/{slug_of(tag)}"
        return pages.rendered(self._template, language=language, theme=theme, path=path, current=tag, **self._context)
