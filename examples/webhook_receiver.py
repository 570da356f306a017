"""A receiver of Grillo's webhooks, to try them at home: verifies each message, prints it, and answers 204.

`python3 examples/webhook_receiver.py [PORT]` asks for the channel's secret, whsec_…, unless WEBHOOK_SECRET has it. It
listens on loopback and needs nothing but Python. docs/webhook-at-home.md tells what to try with it.
"""

import base64
import contextlib
import getpass
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 9000
BYTES_MAX = 1_000_000
SECONDS_OFF_MAX = 300
seen = set()  # of webhook-ids: a message may come more than once. In a database, in earnest


def fault(secret, message_id, timestamp, signatures, body, now):
    """Why the message is not believed; None: it is. As Standard Webhooks says, over the bytes as they came."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # While a secret is replaced, messages have two signatures.
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split(" ")):
        return "no signature is right"
    if abs(now - int(timestamp)) > SECONDS_OFF_MAX:
        return "it is too old, or from the future"
    return None


class Receiver(BaseHTTPRequestHandler):
    timeout = 10
    secret = ""

    def do_POST(self):
        length = self.headers["Content-Length"] or ""
        if not length.isdecimal() or int(length) > BYTES_MAX:
            return self.answer(413)
        body = self.rfile.read(int(length))
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        told = [self.headers[name] or "" for name in names]
        why = fault(self.secret, *told, body, time.time())
        if why is not None:
            print(f"refused: {why}", flush=True)
            return self.answer(400)
        again = " (again)" if told[0] in seen else ""
        seen.add(told[0])
        # Parsed only now that it is known who wrote it. What takes long belongs behind the answer.
        message = json.loads(body)
        print(f"verified{again}: {message['type']} {json.dumps(message['data'])}", flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    Receiver.secret = os.environ.get("WEBHOOK_SECRET") or getpass.getpass("Secret of the channel (whsec_…): ").strip()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"Listening on http://127.0.0.1:{server.server_port}; Ctrl-C stops it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
