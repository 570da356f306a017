"""Public contracts between services: event shapes, their envelope, RPC errors. Shapes only ever gain fields.

Start with envelope.py; then one module for each service that publishes.
"""
