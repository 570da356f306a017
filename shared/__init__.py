"""Library of all services: values, SQL, event log, replication, messaging, gate, HTTP. It imports no service.

Its rooms are floors: each imports only those below it. The highest are web and settings; the lowest is values.
"""
