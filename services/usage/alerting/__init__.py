"""Alerting: rules (when somebody should be told) and alerts (facts that met a rule).

Rules are evaluated after counting, from a queue, so they never delay or fail it. Start reading at
evaluation/evaluator.py.
"""
