"""With COMPILE_GATE=1 what each request goes through is compiled by mypyc; without, all is plain Python (decision 35).

All else about the package is in pyproject.toml.
"""

import os

from setuptools import setup

# Nothing in Python derives from their classes, nor puts anything into them but what these declare.
_COMPILED = [
    "shared/gate/authentication/credential.py",
    "shared/gate/verdict.py",
    "shared/gate/grants/compact_grants.py",
    "shared/gate/grants/grants.py",
    "shared/gate/concurrency/slots.py",
    "shared/gate/quota/memory_quota.py",
    "shared/gate/quota/share_quota.py",
    "shared/gate/gate.py",
    "shared/gate/metering/spool_segment.py",
    "shared/gate/metering/meter.py",
    "shared/web/requests/request_identity.py",
    "shared/web/answer_headers.py",
    "shared/web/admission.py",
    "shared/observability/request_metrics.py",
]

if os.environ.get("COMPILE_GATE") == "1":
    from mypyc.build import mypycify

    setup(ext_modules=mypycify(_COMPILED, opt_level="3"))
else:
    setup()
