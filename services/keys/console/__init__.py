"""Console: the web pages by which people manage their organisation's keys. A third door of keys, without a gate.

`sessions` decides who is signed in, `pages` what they see and change; `rendering` makes pages of templates, in three
languages; `public` is what needs no session. All addresses are named in app.py.
"""
