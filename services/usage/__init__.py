"""Usage service: counts every metered request exactly once, and answers for what each key did.

`service.py` takes messages, `api.py` HTTP. To follow a batch of requests, start reading at intake/batch_intake.py.
"""
