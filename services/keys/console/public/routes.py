"""Routes of the public pages, of their assets and of the preferences."""

from collections.abc import Mapping
from typing import Any

from services.keys.console.public import preferences
from services.keys.console.public.guides import GUIDES, Guide
from services.keys.console.public.problem_pages import ProblemPage
from services.keys.console.public.reference import Reference, ReferenceIndex, ReferencePage
from services.keys.console.public.start_page import StartPage
from services.keys.console.rendering import assets
from shared.web.route import Route


def routes(document: Mapping[str, Any], public_url: str) -> list[Route]:
    """`document`: the OpenAPI document of all services."""
    reference = Reference(document)
    return [
        Route("/", StartPage(public_url)),
        Route("/docs", ReferenceIndex(reference)),
        Route("/docs/{tag}", ReferencePage(reference)),
        *(Route(f"/api/{name}".rstrip("/"), Guide(name, public_url)) for name in GUIDES),
        Route("/problems/{name}", ProblemPage(reference)),
        Route(f"{assets.PATH}/{{name}}", assets.AssetFile()),
        Route(preferences.PATH, preferences.Preferences(public_url)),
    ]
