"""The management API over HTTP: schemas of bodies, queries and answers, and the resources of the routes.

Start with lifecycle/lifecycle_resources.py (rotate, suspend, resume, revoke); the resources of `/v1/keys` itself are in
services/keys/api.py.
"""
