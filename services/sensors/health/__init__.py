"""Health of sensors: how late and how complete what arrived of them is, and how sure its times are.

Measured by the worker each minute (measuring.py); from it, registry/status.py tells a sensor's status.
"""
