#!/usr/bin/env python3
"""Makes a large ledger out of a small one: every account N times, under names of its own.

Identities are salted by account reference, so the copies share nothing but their balances. Tables of assets, limits and
collateral are those of the small ledger; a ledger with positions or reserves is refused.
Usage: tile.py LEDGER N OUT
"""
import csv
import pathlib
import shutil
import sys


def main():
    source, copies, target = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
    target.mkdir()
    manifest = (source / "manifest.toml").read_text()
    # row counts and sums are those of the small ledger
    kept, skipping = [], False
    for line in manifest.splitlines():
        if line.startswith("["):
            skipping = line.startswith(("[rows", "[totals"))
        if not skipping:
            kept.append(line)
    (target / "manifest.toml").write_text("\n".join(kept) + "\n")
    for file in source.glob("*.csv"):
        if file.name in ("positions.csv", "reserves.csv"):
            sys.exit(f"{file} is not copied: the copies would share what it says")
        if file.name not in ("accounts.csv", "balances.csv"):
            shutil.copy(file, target)
    for name in ("accounts.csv", "balances.csv"):
        with open(source / name, newline="") as file:
            header, *rows = list(csv.reader(file))
        with open(target / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for copy in range(copies):
                writer.writerows([f"{row[0]}-{copy}", *row[1:]] for row in rows)


if __name__ == "__main__":
    main()
