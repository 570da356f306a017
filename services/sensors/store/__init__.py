"""Store of samples: an index in SQL, samples in its rows until an hour is sealed, and miniSEED files after.

Start reading at piece.py, then span.py and sample_store.py; reader.py gives samples back.
"""
