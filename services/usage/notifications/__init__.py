"""Notifications: the channels of organisations (webhook, email) and the deliveries of messages to them.

A message is delivered at least once, with retries over three days, or its delivery has failed. Start reading at
delivery.py (pure) or deliveries/dispatcher.py.
"""
