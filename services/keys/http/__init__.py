"""The management API over HTTP: schemas of bodies, queries and answers, and the resources of the routes.

Start with lifecycle/revocation.py; the resources of `/v1/keys` itself are in services/keys/api.py.
"""
