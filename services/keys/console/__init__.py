"""Console: the web pages of keys, for people. Served by a process of its own, without a gate.

`rendering` makes pages of templates, in three languages; `public` is what needs no session.
"""
