"""With COMPILE_GATE=1 what each request goes through is compiled by mypyc; without, all is plain Python (decision 35).

All else about the package is in pyproject.toml.
"""

import os

from setuptools import setup

# Nothing in Python derives from their classes, nor puts anything into them but what these declare.
_COMPILED = [
    "shared/gate/credential.py",
    "shared/gate/verdict.py",
    "shared/gate/packed.py",
    "shared/gate/grants.py",
    "shared/gate/quota.py",
    "shared/gate/share.py",
    "shared/gate/gate.py",
    "shared/gate/spool.py",
    "shared/gate/meter.py",
    "shared/web/identification.py",
    "shared/web/admission.py",
    "shared/request_counts.py",
]

if os.environ.get("COMPILE_GATE") == "1":
    from mypyc.build import mypycify

    setup(ext_modules=mypycify(_COMPILED, opt_level="3"))
else:
    setup()
