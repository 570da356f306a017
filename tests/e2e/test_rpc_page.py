"""docs/rpc.md says what is true: its examples, run against the services on RabbitMQ."""

import hashlib
import re
from pathlib import Path

import pytest
from nameko.standalone.rpc import ClusterRpcProxy

from tests.e2e.running import Distributed

PAGE = Path(__file__).parents[2] / "docs/rpc.md"
pytestmark = pytest.mark.xdist_group("distributed")


def test_the_examples_of_the_page_run(distributed: Distributed) -> None:
    _, secret = distributed.create_key("sensors:read")
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 6
    amqp_uri = distributed.stack.environment("keys")["AMQP_URI"]
    with ClusterRpcProxy({"AMQP_URI": amqp_uri}, timeout=10) as cluster:
        known = {
            "cluster": cluster,
            "hashlib": hashlib,
            "organisation": distributed.organisation,
            "secret": secret,
        }
        for example in examples:
            exec(compile(example, str(PAGE), "exec"), known)  # noqa: S102  our own page
