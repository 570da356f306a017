"""Sensors service: the network's sensors, their recordings, and the data API that keys open.

`service.py` takes messages, `api.py` HTTP. Start reading at registry/sensor.py (pure),
then ingest/importer.py.
"""
