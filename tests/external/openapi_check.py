"""schemathesis against the OpenAPI document of a running environment: every route, anonymous and
signed in as an organizer.

It sends what the document allows and what it forbids, alone and in stories of several requests, and
holds every answer against the document. Signed in, every route must have been used with success at
least once: otherwise little was tried behind it.
"""

import json
import os
import subprocess
import sys

import openapi_world
from environment import CHECKOUT, Environment, say

HERE = CHECKOUT / "tests/external"
# Seconds. It draws anew each time; EVENTHUB_SEED repeats what a run has found.
ANONYMOUS, SIGNED_IN = 45, 190


def configuration(lists, token):
    lines = [(HERE / "openapi.toml").read_text()]
    lines += [
        f"[dictionaries.{name}]\nvalues = {json.dumps(values)}" for name, values in lists.items()
    ]
    # It would sign up by itself, and then nobody would be anonymous.
    lines.append("[auth]\nauto-signup = false")
    if token:
        lines.append(f'[auth.openapi.bearer]\nbearer = "{token}"')
    return "\n".join(lines)


def run(folder, name, url, lists, known, token, seconds):
    """One run; its report, and per operation how often each status was answered."""
    config, report, answers = (
        folder / f"{name}{end}" for end in (".toml", ".json", "-answers.json")
    )
    config.write_text(configuration(lists, token))
    (folder / "known.json").write_text(json.dumps({**lists, **known, "answers": str(answers)}))
    command = [
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "--config-file",
        config,
        "run",
    ]
    command += [f"{url}/api/openapi.json", "--max-time", str(seconds), "--report-json-path", report]
    if not token:
        # That routes answer 401 is what this run is about.
        command += ["--warnings", "off"]
    if seed := os.environ.get("EVENTHUB_SEED"):
        command += ["--seed", seed]
    say(f"schemathesis, {name}: {seconds} s")
    variables = {
        "SCHEMATHESIS_HOOKS": HERE / "openapi_hooks.py",
        "EVENTHUB_CHECK": folder / "known.json",
    }
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    subprocess.run([str(part) for part in command], cwd=folder, env=environment, check=False)
    if not report.exists():
        raise SystemExit("schemathesis made no report")
    return json.loads(report.read_text()), json.loads(answers.read_text())


def main():
    with Environment() as environment:
        # Holds outlive the run.
        state = environment.up(EVENTHUB_ENVIRONMENT_SEAT_INVENTORY_HOLD_TTL_SECONDS=1800)
        url = state["http"].replace("localhost", "127.0.0.1")
        organizer, lists = openapi_world.build(url, state)
        known = {"me": organizer.user["id"], "webhook_secret": state["stripe"]["webhook_secret"]}
        summaries, faults = [], []
        for name, token, seconds in (
            ("anonymous", None, ANONYMOUS),
            ("signed-in", organizer.token, SIGNED_IN),
        ):
            report, answers = run(environment.home, name, url, lists, known, token, seconds)
            operations, cases = report["operations"], report["test_cases"]
            if report["exit_code"] or operations["tested"] != operations["total"]:
                faults.append(
                    f"{name}: {cases['unique_failures']} findings, "
                    f"{operations['tested']} of {operations['total']} operations"
                )
            useless = [
                label
                for label, statuses in answers.items()
                if not any(status.startswith("2") for status in statuses)
            ]
            if token and useless:
                faults.append(f"{name}: never used with success: {', '.join(useless)}")
            requests = sum(sum(statuses.values()) for statuses in answers.values())
            summaries.append(
                f"{name} {operations['tested']} operations, {cases['generated']} cases, "
                f"{requests} requests"
            )
    if faults:
        raise SystemExit("\n".join(faults))
    print(f"schemathesis found nothing: {'; '.join(summaries)}")


if __name__ == "__main__":
    main()
