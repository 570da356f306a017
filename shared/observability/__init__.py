"""Observability: Prometheus metrics, structured logs, and the redaction of API keys from every recorded string.

Every metric is declared once, in metrics.py; start there.
"""
