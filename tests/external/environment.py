"""An EventHub of a check's own: `eventhub up`, and `eventhub serve` on its servers, in a temporary
folder and on free ports.

Nothing stays behind: what was started ends with the check, and by the kernel's hand should the
check be killed.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def say(text):
    print(f"\033[1;34m==>\033[0m {text}", file=sys.stderr, flush=True)


def free_port():
    """A port on which nothing listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url):
    """Whether GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


def wait_until(what, ready, seconds=60):
    """The first answer of `ready` that is not empty."""
    end = time.monotonic() + seconds
    while not (answer := ready()):
        if time.monotonic() > end:
            raise SystemExit(f"after {seconds} s still not: {what}")
        time.sleep(0.05)
    return answer


def setting(name):
    """An environment variable that the Makefile sets."""
    return os.environ.get(name) or sys.exit(f"{name} is not set: run this by its make target")


class Environment:
    """Processes and their folder; a context manager that ends all of them, and shows their logs
    where the check failed.
    """

    def __enter__(self):
        # The servers' own users must reach their data.
        self.home = Path(tempfile.mkdtemp(prefix="eventhub-external-"))
        self.home.chmod(0o755)
        self.processes = []
        return self

    def __exit__(self, kind, *_):
        for _, process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind not in (None, KeyboardInterrupt):
            for name, _ in self.processes:
                print(f"\n--- the end of {name}'s log\n{self.log_tail(name)}", file=sys.stderr)
        shutil.rmtree(self.home, ignore_errors=True)

    def start(self, name, command, ready, environment=None, folder=CHECKOUT, seconds=180):
        """Starts a process and waits until it is ready; its output is `NAME.log`."""
        with open(self.home / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env={**os.environ, "RUST_BACKTRACE": "0", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # In a session of its own, so that Ctrl-C reaches only the check, which then ends it
                # in order.
                start_new_session=True,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
            )
        self.processes.append((name, process))

        def ready_or_ended():
            if process.poll() is not None:
                raise SystemExit(
                    f"{name} ended with {process.returncode} while it started:\n"
                    f"{self.log_tail(name)}"
                )
            return ready()

        wait_until(f"{name} is ready", ready_or_ended, seconds)
        return process

    def up(self, **variables):
        """A whole development environment; its `state.json`."""
        say("starting a development environment")
        folder = self.home / "up"
        folder.mkdir(exist_ok=True)
        variables = {
            "EVENTHUB_HOME": folder,
            "EVENTHUB_HTTP_PORT": free_port(),
            "EVENTHUB_ADMIN_PORT": free_port(),
            **variables,
        }
        variables = {name: str(value) for name, value in variables.items()}
        state = folder / "state.json"
        self.start("up", [setting("EVENTHUB_BIN"), "up"], state.exists, variables)
        return json.loads(state.read_text())

    def servers(self):
        """Only the servers of a development environment, migrated: for a host that is configured
        otherwise.
        """
        (self.home / "up").mkdir()
        account = {"email": "", "password": ""}
        # The seed finds this and leaves the databases empty.
        demo = {"organizer": account, "buyer": account, "event_id": "", "session_id": ""}
        (self.home / "up/demo.json").write_text(json.dumps(demo))
        return self.up(
            EVENTHUB_MANIFEST=CHECKOUT / "tests/external/servers.yaml", EVENTHUB_CDC_ENABLED="false"
        )

    def serve(self, state, port, **variables):
        """`eventhub serve` with the whole manifest on those servers, and its base URL."""
        say("starting a host")
        admin, url = free_port(), f"http://127.0.0.1:{port}"
        servers = {
            f"EVENTHUB_POSTGRES_DATABASES_{name.upper()}": address
            for name, address in state["postgres"].items()
        }
        self.start(
            "serve",
            [setting("EVENTHUB_BIN"), "serve", "--manifest", CHECKOUT / "wadm.yaml"],
            lambda: answers(f"http://127.0.0.1:{admin}/readyz"),
            {
                **servers,
                "EVENTHUB_REDIS_URL": state["redis"],
                "EVENTHUB_KAFKA_BROKERS": state["kafka"],
                "EVENTHUB_HTTP_LISTEN": f"127.0.0.1:{port}",
                "EVENTHUB_HTTP_PUBLIC_URL": url,
                "EVENTHUB_ADMIN_LISTEN": f"127.0.0.1:{admin}",
                # 32 bytes: any seed signs tickets that only this check reads.
                "EVENTHUB_ENVIRONMENT_BOOKING_TICKET_SIGNING_KEY": "A" * 43,
                **variables,
            },
        )
        return url

    def log_tail(self, name, lines=30):
        text = (self.home / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
