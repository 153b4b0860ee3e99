"""Stands between EventHub and what it takes for Stripe: every request passes through a function of
the check.

That function may note it, change it, or send it to others as well; what it returns is what EventHub
gets.
"""

import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    def send(self, base):
        """The same request to a server; its status, content type and body."""
        # The connection's own headers are for whoever connects.
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "connection")
        }
        body = self.body if self.method == "POST" else None
        request = urllib.request.Request(base + self.path, body, headers, method=self.method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.headers["content-type"], response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read()


def form(path, key, **members):
    """A request as Stripe takes it."""
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": "application/x-www-form-urlencoded",
    }
    return Request("POST", path, headers, urllib.parse.urlencode(members).encode())


class Gateway:
    """Listens on a free port of this machine until the process ends; `url` is where."""

    def __init__(self, handle):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                request = Request(self.command, self.path, dict(self.headers), body)
                status, content_type, answer = handle(request)
                self.send_response(status)
                self.send_header("content-type", content_type or "text/plain")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_DELETE = do_POST

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.authority = f"127.0.0.1:{server.server_port}"
        self.url = f"http://{self.authority}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def variables(self, secret_key, webhook_secret):
        """What a host is told, to take this for Stripe."""
        return {
            "EVENTHUB_ENVIRONMENT_PAYMENT_STRIPE_STRIPE_URL": self.url,
            "EVENTHUB_ENVIRONMENT_PAYMENT_STRIPE_STRIPE_SECRET_KEY": secret_key,
            "EVENTHUB_ENVIRONMENT_PAYMENT_STRIPE_STRIPE_PUBLISHABLE_KEY": "pk_test_check",
            "EVENTHUB_ENVIRONMENT_PAYMENT_STRIPE_STRIPE_WEBHOOK_SECRETS": webhook_secret,
            "EVENTHUB_OUTGOING_PAYMENT_STRIPE": f"private {self.authority}",
        }
