#!/usr/bin/env python3
"""Proves that one set of features serves every native build, so that no dependency compiles twice.

Cargo unifies features over the packages of one command only. This script compares the units that
cargo would compile for the host, and for the tests of each component, with those of the tests of
the whole workspace. Each unit of a registry package must be among the latter: the same features,
the same profile, and the same units below it. Cargo only plans here; nothing is compiled.

Usage: setup/features.py [PACKAGE...]. The packages stand for the components; all by default.
"""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = ["test", "--no-run", "--release", "--lib", "--tests"]
EVERYTHING = [*TESTS, "--bins", "--workspace"]
BUILD = ["build", "--release", "-p", "eventhub-compose"]
HOST = [*BUILD, "-p", "eventhub"]

# What makes two units one, besides the units below them.
Unit = collections.namedtuple("Unit", "package version kind features profile")


class Plan:
    """The registry units of one cargo command."""

    def __init__(self, arguments):
        command = ["cargo", *arguments, "--locked", "-Zunstable-options", "--unit-graph"]
        # The plan's format is unstable, so a stable cargo prints it only when it is told to.
        environment = os.environ | {"RUSTC_BOOTSTRAP": "1"}
        planned = subprocess.run(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE)
        if planned.returncode:
            raise SystemExit(f"'{' '.join(command)}' failed")
        self.nodes = json.loads(planned.stdout)["units"]
        self.identities = {}
        # A unit may be there several times, with other units below it.
        self.units = collections.defaultdict(set)
        for index, node in enumerate(self.nodes):
            if node["pkg_id"].startswith("registry+"):
                self.units[self.unit(index)].add(self.identity(index))

    def unit(self, index):
        node = self.nodes[index]
        name, _, version = node["pkg_id"].rpartition("#")[2].rpartition("@")
        profile = json.dumps([node["mode"], node["platform"], node["profile"]], sort_keys=True)
        kind = node["target"]["kind"][0]
        return Unit(name, version, kind, tuple(sorted(node["features"])), profile)

    def identity(self, index):
        """A hash of the unit and of all units below it."""
        if index not in self.identities:
            edges = self.nodes[index]["dependencies"]
            below = sorted(self.identity(edge["index"]) for edge in edges)
            self.identities[index] = hash((self.unit(index), tuple(below)))
        return self.identities[index]


def find_missing(plan, everything):
    """The units that the plan compiles and the whole workspace does not, each with the workspace's
    unit of the same package and profile that has the most features, or None.
    """
    alone, differently = [], []
    for unit, identities in plan.units.items():
        known = everything.units.get(unit)
        if known is None:
            alone.append(unit)
        elif not identities <= known:
            differently.append(unit)
    # A build script has its package's features, and a unit with other units below it has a cause
    # there: both are consequences, and told only when there is nothing else to tell.
    causes = [unit for unit in alone if unit.kind != "custom-build"]
    for unit in sorted(causes or alone or differently):
        kin = [
            other
            for other in everything.units
            if other._replace(features=()) == unit._replace(features=())
        ]
        yield unit, max(kin, key=lambda other: len(other.features), default=None)


def table_of(unit):
    """Macros, build scripts and what these use: not optimized, and with features of their own."""
    build = unit.kind == "proc-macro" or json.loads(unit.profile)[2]["opt_level"] == "0"
    return "build-dependencies" if build else "dependencies"


def requirement_of(version):
    major, minor, _ = version.split(".", 2)
    return major if major != "0" else f"0.{minor}"


def components():
    return sorted(path.parent.name for path in CHECKOUT.glob("components/*/Cargo.toml"))


def main(packages):
    everything = Plan(EVERYTHING)
    plans = {"the host": HOST, "the build tool": BUILD}
    plans |= {f"the tests of {name}": [*TESTS, "-p", name] for name in packages or components()}
    findings = collections.defaultdict(list)
    wanted = collections.defaultdict(set)
    for what, arguments in plans.items():
        for unit, kin in find_missing(Plan(arguments), everything):
            more = set(kin.features) - set(unit.features) if kin else set()
            if more:
                difference = f"lacks {', '.join(sorted(more))}"
                wanted[table_of(unit), unit.package, requirement_of(unit.version)] |= more
            elif kin:
                difference = "has other features or dependencies than in the workspace's tests"
            else:
                difference = "is not in the workspace's tests, or has another profile there"
            findings[f"{unit.package} {unit.version} ({unit.kind}) {difference}"].append(what)
    for finding, builds in sorted(findings.items()):
        print(f"{finding}: {', '.join(builds)}")
    if not findings:
        print(
            f"one set of features: {len(plans)} builds need none "
            f"but the {len(everything.units)} units of the workspace's tests"
        )
        return 0
    if not wanted:
        return 1
    print(
        "\nName these in crates/features/Cargo.toml, with the features that its comment asks for:"
    )
    for (table, name, version), features in sorted(wanted.items()):
        features = json.dumps(sorted(features))
        print(f'{table}: {name} = {{ version = "{version}", features = {features} }}')
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
