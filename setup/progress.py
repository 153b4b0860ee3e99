#!/usr/bin/env python3
"""Runs a build by cargo and says what is being compiled and how far the build is.

Usage: setup/progress.py WHAT cargo [+TOOLCHAIN] build|test ARGUMENT...

On a terminal, one line is updated in place; elsewhere a line is printed every 15 seconds. Warnings
and errors are printed in full, as cargo renders them. The exit code is cargo's.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

EVERY = 15
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What cargo tells of its work, which the line of progress takes the place of.
STATUS = re.compile(r"^ *(Compiling|Fresh|Dirty|Downloading|Downloaded|Finished|Executable)\b")
COMPILING = re.compile(r"^ *Compiling (\S+) v\S+")


class Progress:
    def __init__(self, what, total):
        self.what, self.total = what, total
        self.done = 0
        # The packages that are being compiled, the one that began first at the head.
        self.current = {}
        self.begin = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def text(self):
        seconds = int(time.monotonic() - self.begin)
        share = f"{self.done} of {self.total}" if self.total else str(self.done)
        names = ", ".join(list(self.current)[:4])
        now = f", now {names}" if names else ""
        return f"{self.what}: {share} crates, {seconds // 60}:{seconds % 60:02} min{now}"

    def show(self):
        """Draws the line, or prints it."""
        text = f"    {self.text()}"
        if self.terminal:
            columns = shutil.get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[K{text[: columns - 1]}")
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def clear(self):
        if self.terminal:
            sys.stderr.write("\r\x1b[K")

    def tick(self):
        while not self.ended.wait(0.5 if self.terminal else EVERY):
            with self.lock:
                self.show()

    def read_status(self, lines):
        """Cargo's own lines, which name a package when it begins; the others are passed on."""
        for line in lines:
            plain = COLOURS.sub("", line)
            with self.lock:
                if started := COMPILING.match(plain):
                    self.current[started[1]] = True
                elif not STATUS.match(plain):
                    self.clear()
                    sys.stderr.write(line)
                    sys.stderr.flush()

    def read_messages(self, lines):
        """Cargo's messages for programs: one for each target that is compiled or was before."""
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                print(line, end="", flush=True)
                continue
            if message.get("reason") != "compiler-artifact":
                continue
            with self.lock:
                self.done += 1
                if message["target"]["kind"] != ["custom-build"]:
                    self.current.pop(package_name(message["package_id"]), None)


def package_name(package_id):
    """`…#name@version`, or `…/name#version` where the folder has the package's name."""
    source, _, fragment = package_id.rpartition("#")
    return fragment.split("@")[0] if "@" in fragment else source.rsplit("/", 1)[-1]


def count_targets(command):
    """How many targets the build has, compiled before or not; None where cargo does not plan."""
    plan = [*command, "-Zunstable-options", "--unit-graph"]
    # The plan's format is unstable, so a stable cargo prints it only when it is told to.
    environment = os.environ | {"RUSTC_BOOTSTRAP": "1"}
    # Whatever is wrong here is wrong in the build as well, and told there.
    planned = subprocess.run(plan, env=environment, capture_output=True)
    try:
        units = json.loads(planned.stdout)["units"]
    except ValueError:
        return None
    return sum(unit["mode"] != "run-custom-build" for unit in units)


def main(what, *command):
    print(f"\x1b[1;34m==>\x1b[0m {what}", file=sys.stderr, flush=True)
    progress = Progress(what, count_targets(command))
    environment = dict(os.environ)
    if progress.terminal:
        environment.setdefault("CARGO_TERM_COLOR", "always")
    cargo = subprocess.Popen(
        [*command, "--message-format", "json-render-diagnostics"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    status = threading.Thread(target=progress.read_status, args=(cargo.stderr,))
    ticker = threading.Thread(target=progress.tick, daemon=True)
    status.start()
    ticker.start()
    try:
        progress.read_messages(cargo.stdout)
        code = cargo.wait()
        status.join()
    except KeyboardInterrupt:
        # Cargo got the signal too; it ends its compilers and then itself.
        cargo.wait()
        code = 130
    progress.ended.set()
    ticker.join()
    progress.clear()
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
