#!/usr/bin/env python3
"""Checks Cargo.lock against the RustSec advisories in advisories.jsonl, a copy of the public database (CC0) with one line for each
advisory. An advisory that does not concern us is listed with its reason in deny.toml, under [advisories] ignore.

usage: advisories.py                check
       advisories.py --update DIR   write the copy anew from a checkout of the database
"""
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tomllib

COPY = pathlib.Path(__file__).with_name("advisories.jsonl")
STALE_DAYS = 90


def number(version):
    """What a version is compared by: its numbers, and a release after its pre-releases."""
    core, _, pre = version.split("+")[0].partition("-")
    parts = [int(part) for part in core.split(".")]
    parts += [0] * (3 - len(parts))
    return (*parts, pre == "", [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in pre.split(".")])


def meets(version, comparator):
    """Whether a version meets one of Cargo's comparators, such as `>= 1.2.3` or `^0.4`."""
    operator, wanted = re.fullmatch(r"([<>=^~]*)\s*(\S+)", comparator.strip()).groups()
    if wanted == "*":
        return True
    own, bound = number(version), number(wanted)
    given = wanted.split("-")[0].split(".")
    match operator:
        case "<":
            return own < bound
        case "<=":
            return own <= bound
        case ">":
            return own > bound
        case ">=":
            return own >= bound
        case "=":
            return own[: len(given)] == bound[: len(given)] and (len(given) < 3 or own == bound)
    # a caret keeps the first number that is not 0, a tilde the second number
    kept = min(len(given), 2)
    if operator != "~":
        kept = next((i + 1 for i, part in enumerate(bound[:3]) if part), len(given))
    return own >= bound and own[:kept] == bound[:kept]


def within(version, ranges):
    """Whether a version meets all comparators of one of the ranges."""
    return any(all(meets(version, c) for c in entry.split(",")) for entry in ranges)


def update(database):
    lines = []
    for file in sorted(database.glob("crates/*/RUSTSEC-*.md")):
        text = file.read_text()
        head = tomllib.loads(text.partition("```toml")[2].partition("```")[0])
        advisory, versions = head["advisory"], head.get("versions", {})
        if "withdrawn" in advisory:
            continue
        title = re.search(r"^# (.*)$", text.partition("```toml")[2].partition("```")[2], re.MULTILINE)[1]
        ranges = {key: versions[key] for key in ("patched", "unaffected") if versions.get(key)}
        kind = {"informational": advisory["informational"]} if "informational" in advisory else {}
        lines.append({"package": advisory["package"], "id": advisory["id"], **kind, **ranges, "title": title.strip()})
    command = ["git", "-C", str(database), "log", "-1", "--format=%cs"]
    date = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    lines.insert(0, {"as_of": date})
    COPY.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def check():
    head, *advisories = [json.loads(line) for line in COPY.read_text().splitlines()]
    packages = [p for p in tomllib.loads(pathlib.Path("Cargo.lock").read_text())["package"] if "source" in p]
    rules = tomllib.loads(pathlib.Path("deny.toml").read_text())
    ignored = {entry["id"]: entry["reason"] for entry in rules.get("advisories", {}).get("ignore", [])}
    found = [
        (advisory["id"], f"{p['name']} {p['version']}: {advisory['id']} {advisory['title']}")
        for p in packages
        for advisory in advisories
        if advisory["package"] == p["name"]
        and not within(p["version"], advisory.get("patched", []) + advisory.get("unaffected", []))
    ]
    for id, line in found:
        print(f"{line}\n  ignored: {ignored[id]}" if id in ignored else line, file=sys.stderr)
    for id in ignored.keys() - {id for id, _ in found}:
        print(f"deny.toml ignores {id}, which concerns no package any more", file=sys.stderr)
    age = (datetime.date.today() - datetime.date.fromisoformat(head["as_of"])).days
    print(f"{len(packages)} packages against {len(advisories)} advisories as of {head['as_of']}, {len(found)} found")
    if age > STALE_DAYS:
        print(f"the advisories are {age} days old: .ci/advisories.py --update DIR")
    return 1 if {id for id, _ in found} != ignored.keys() else 0


def self_test():
    for version, comparator, expected in [
        ("0.23.4", ">= 0.23.5", False), ("0.22.4", "< 0.23.0", True), ("1.0.0-rc.1", ">= 1.0.0", False),
        ("1.2.9", "^1.2", True), ("2.0.0", "^1.2", False), ("0.4.9", "^0.4", True), ("0.5.0", "^0.4", False),
        ("1.2.9", "~1.2", True), ("1.3.0", "~1.2", False), ("1.0.0-rc.2", "> 1.0.0-rc.1", True), ("1.0.3", "1", True),
        ("0.0.4", "^0.0.3", False), ("1.2.3", "= 1.2.3", True), ("1.2.4", "= 1.2.3", False),
    ]:
        assert meets(version, comparator) == expected, (version, comparator)


if __name__ == "__main__":
    self_test()
    if len(sys.argv) == 3 and sys.argv[1] == "--update":
        sys.exit(update(pathlib.Path(sys.argv[2])))
    sys.exit(check())
