"""Catalogue: seismic events as the catalogues tell them that were imported, with all that was said of each before.

Start reading at seismic_event.py (pure), then importer.py; `reading` reads catalogues, `writing` writes them.
"""
