"""RabbitMQ through nameko and kombu, and their in-memory stand-in. Nothing else in shared knows of either."""
