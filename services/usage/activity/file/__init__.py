"""Long files of activity, made by child processes: start reading at made_by_child.py."""
