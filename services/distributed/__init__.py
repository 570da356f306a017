"""A service in processes of its own, on RabbitMQ and PostgreSQL: the composition behind `grillo run`."""
