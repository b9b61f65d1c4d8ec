#!/usr/bin/env python3
"""Checks every dependency's licence and source against deny.toml, with nothing but cargo's own metadata.

cargo-deny reads the same file and says more; this runs wherever Python does.
"""
import json
import re
import subprocess
import sys
import tomllib

# ships its licence as a file only; cargo-deny reads that file itself
CLARIFIED = {"nova-snark": "MIT"}
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def allowed(expression, licences):
    """Whether an SPDX expression can be met; `/` is the old spelling of OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def any_of():
        result = all_of()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = all_of() or result
        return result

    def all_of():
        result = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one():
        token = tokens.pop(0)
        if token == "(":
            result = any_of()
            tokens.pop(0)
            return result
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token += f" WITH {tokens.pop(0)}"
        return token in licences

    return any_of()


def main():
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    licences = set(rules["licenses"]["allow"])
    denied = {d["crate"] for d in rules["bans"]["deny"]}
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]
    refused = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        licence = package["license"] or CLARIFIED.get(package["name"])
        if not licence or not allowed(licence, licences):
            refused.append(f"{name}: licence {licence}")
        if package["name"] in denied:
            refused.append(f"{name}: denied")
        if package["source"] not in (None, CRATES_IO):
            refused.append(f"{name}: comes from {package['source']}")
    for line in refused:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages, {len(refused)} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
