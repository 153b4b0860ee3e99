#!/usr/bin/env python3
"""Prints the arguments of `cargo test` for the tests that guard every change.

These are all of the workspace but those in tests/slow.txt. Cargo can only be told which test
targets to run, so a target there must have a name of its own; a test there is skipped by name.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SLOW = CHECKOUT / "tests" / "slow.txt"


def read_targets():
    """The name of each test target of the workspace → the files that have that name."""
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE)
    targets = {}
    for package in json.loads(metadata.stdout)["packages"]:
        for target in package["targets"]:
            if target["kind"] == ["test"]:
                targets.setdefault(target["name"], []).append(Path(target["src_path"]))
    return targets


def read_slow():
    """Name → reason."""
    lines = SLOW.read_text(encoding="utf-8").splitlines()
    entries = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    if without := [entry[0] for entry in entries if len(entry) < 2]:
        raise SystemExit(f"{SLOW}: no reason for {', '.join(without)}")
    return dict(entries)


def is_test(name, targets):
    function = re.compile(rf"\bfn {re.escape(name)}\(")
    return any(
        function.search(path.read_text(encoding="utf-8"))
        for paths in targets.values()
        for path in paths
    )


def main():
    targets, skipped = read_targets(), []
    for name in read_slow():
        paths = targets.get(name)
        if paths is None:
            if not is_test(name, targets):
                raise SystemExit(f"{SLOW}: no target and no test has the name {name}")
            skipped.append(name)
        elif len(paths) > 1:
            files = ", ".join(str(path.relative_to(CHECKOUT)) for path in paths)
            raise SystemExit(f"{SLOW}: {name} is the name of several targets: {files}")
        else:
            del targets[name]
    arguments = ["--lib", "--bins"]
    for name in sorted(targets):
        arguments += ["--test", name]
    arguments.append("--")
    for name in skipped:
        arguments += ["--skip", name]
    print(*arguments)


if __name__ == "__main__":
    sys.exit(main())
