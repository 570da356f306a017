"""Messaging: RabbitMQ through nameko and kombu, and an in-memory transport in its place when embedded.

Only this room of shared imports nameko, kombu, amqp or eventlet; of the services only their service.py, the worker of
services/distributed, and services/embedded. Start with exchanges.py (the names), then publishing.py.
"""

import warnings

# nameko needs eventlet, which prints its deprecation at every import. We know (docs/decisions); operators need not.
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
