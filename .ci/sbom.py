#!/usr/bin/env python3
"""Prints what a program is made of as CycloneDX 1.5: every package that is linked into it or used to build it, with version, licence
and checksum, and which needs which. From cargo's metadata and Cargo.lock alone.

usage: sbom.py PACKAGE
"""
import json
import subprocess
import sys
import tomllib


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def component(package, checksums):
    """A package as CycloneDX describes it."""
    name, version = package["name"], package["version"]
    found = {"type": "library", "bom-ref": reference(package), "name": name, "version": version}
    if package["source"]:
        found["purl"] = f"pkg:cargo/{name}@{version}"
    if package["license"]:
        # older crates write OR as a slash
        found["licenses"] = [{"expression": " OR ".join(part.strip() for part in package["license"].split("/"))}]
    if checksum := checksums.get((name, version)):
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return found


def reference(package):
    return f"{package['name']}@{package['version']}"


def main(root_name):
    host = next(line.split()[1] for line in output("rustc", "-vV").splitlines() if line.startswith("host"))
    metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host))
    packages = {p["id"]: p for p in metadata["packages"]}
    needs = {
        node["id"]: [d["pkg"] for d in node["deps"] if any(kind["kind"] != "dev" for kind in d["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    root = next(p["id"] for p in packages.values() if p["name"] == root_name and not p["source"])
    reached, open_ids = set(), [root]
    while open_ids:
        if (id := open_ids.pop()) not in reached:
            reached.add(id)
            open_ids += needs[id]
    with open("Cargo.lock", "rb") as file:
        locked = tomllib.load(file)["package"]
    checksums = {(p["name"], p["version"]): p["checksum"] for p in locked if "checksum" in p}
    parts = sorted(reached, key=lambda id: reference(packages[id]))
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], checksums) | {"type": "application"}},
        "components": [component(packages[id], checksums) for id in parts if id != root],
        "dependencies": [
            {"ref": reference(packages[id]), "dependsOn": sorted(reference(packages[n]) for n in needs[id])} for id in parts
        ],
    }
    json.dump(bom, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
