"""miniSEED 2 files: the codec, the codes that name a channel, and the folder in the SeisComP Data Structure (SDS).

Start reading at codec.py.
"""
