"""What is loaded before a process that is tested, to make its machine misbehave."""
