"""Configuration: commands that change how a sensor is set, and the history of those changes.

What a configuration is, and the decision, are in registry/configuration.py and registry/changes.py.
"""
