"""Crypto-shredding of what people write about a key: name, description, labels and notes.

Events hold these texts encrypted under a data key of that API key's own; deleting the data key makes every copy
unreadable. Start with description.py.
"""
