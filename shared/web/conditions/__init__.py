"""Conditions of a request, from its headers: that nobody changed the resource meanwhile (If-Match), that it is not
what the caller has already (If-None-Match), that the same was not done before (Idempotency-Key).
"""
