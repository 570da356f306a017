"""Rendering: pages from templates, in the reader's language, with their assets and security headers.

Begin with pages.py: `answer(req, resp, "template.html", **context)`.
"""
