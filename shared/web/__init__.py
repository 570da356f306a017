"""HTTP layer of all services: WSGI application, declared operations, problem answers (RFC 9457), OpenAPI document.

Whatever is about HTTP and not about one resource is here; only here does a refusal get its status code. Start with
application.py, then operation.py (how a resource's methods are declared).
"""
