"""The wall clock's readings, kept in a service's database. Start reading at clock_watch.py."""
