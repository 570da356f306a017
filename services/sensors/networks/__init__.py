"""Networks: the groups that an organisation's sensors belong to, from their events; each may be closed to keys.

Start reading at network.py (pure), then commands.py.
"""
