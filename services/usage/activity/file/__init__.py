"""Long files of activity, made by child processes: start reading at file_children.py."""
