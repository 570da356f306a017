"""Making of exports: a process for each, at most two at once and one an organisation, asked about before each part.

Start reading at maker.py, which starts and answers them; child.py is what runs there.
"""
