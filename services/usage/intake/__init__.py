"""Intake of metered requests: batches from the bus are counted once each, or parked with the reason.

Start reading at batch_intake.py (off the bus), then metering.py (the one transaction that counts).
"""
