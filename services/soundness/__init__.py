"""Soundness of services' databases: what their rows say of themselves and of one another, wherever they lie.

Of a data folder `grillo up` asks (services/embedded/soundness), of either world `grillo audit verify`.
"""
