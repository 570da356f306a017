"""Evaluation of alert rules: a queue of observations, the measurements that rules need, and the conditions.

Conditions are pure. What a crash interrupts is evaluated again, and no alert is raised twice. Start reading at
evaluator.py.
"""
