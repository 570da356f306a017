"""Parsing of HTTP requests: body, query, headers, cursor, client address, request id. Invalid input is a Problem.

Strict: what several readers could understand differently is refused. Start with json_body.py.
"""
