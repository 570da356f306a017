"""SQL through SQLAlchemy: SQLite files when embedded, PostgreSQL in production, with the same statements.

Holds transactions, migrations, keyset pages, and what the two databases say differently. Start with database.py.
"""
