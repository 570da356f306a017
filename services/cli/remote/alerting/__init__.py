"""`grillo alerts …`: alerts, the rules that raise them, the channels that are told, and what was sent.

`alerts.py` puts the groups together; what they have in common is in resource.py, a floor below.
"""
