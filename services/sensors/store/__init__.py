"""Store of recordings: waveform arithmetic, and miniSEED blocks in SQL. No sample is stored twice.

Start reading at waveform.py.
"""
