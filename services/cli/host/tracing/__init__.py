"""Tracing: what became of one request, by its id, over the databases of all services and files of logs."""
