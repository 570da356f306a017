"""What people see and change at the console: list, creation, details, edits, ends of keys, and their own sessions.

Each page begins in page.py: who is visiting, and may they. Forms of keys are read by key_form.py.
"""
