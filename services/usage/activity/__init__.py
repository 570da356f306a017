"""Activity of a key: its requests and the events of its lifecycle as one timeline, newest first.

Over HTTP it comes in keyset pages or as one CSV file. Start reading at timeline.py.
"""
