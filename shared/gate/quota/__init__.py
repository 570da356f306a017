"""Rate limits: requests of a key in any 60 seconds (sliding window) and in a UTC day, both decided at once.

No key passes its limit; a refusal costs nothing. Start with memory_quota.py (one gate, exact), then redis_quota.py
(many gates) and share_quota.py (many gates without Redis).
"""
