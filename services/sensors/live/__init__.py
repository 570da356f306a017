"""Live: readings that bridges publish become samples, by the same reader and the same arrival as files.

Start reading at receiver.py.
"""
