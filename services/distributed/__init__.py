"""A service in processes of its own, on RabbitMQ and PostgreSQL: the composition root behind `grillo run`.

A supervisor keeps three kinds of process alive: worker, public web, internal door. Begin with `supervisor.py`, then
`composition.py`, which says what each is made of.
"""
