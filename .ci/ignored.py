#!/usr/bin/env python3
"""No test is left out silently: each ignored test names the stage of .ci/run that runs it, and none decides to skip by itself.

usage: ignored.py STAGE...
"""
import pathlib
import re
import subprocess
import sys

IGNORE = re.compile(r"#\[ignore(?:\s*=\s*\"([^\"]*)\")?\]")
SKIP = re.compile(r"print(?:ln)?!\(\"skip", re.IGNORECASE)


def faults(text, stages):
    """Yields the line number and the fault of each test that nothing runs."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := IGNORE.search(line):
            reason = found[1] or ""
            stage = reason.rpartition(": .ci/run ")[2]
            if stage not in stages and not reason.startswith("not a test: "):
                yield number, f'an ignored test ends its reason with ": .ci/run STAGE", this one says "{reason}"'
        if SKIP.search(line):
            yield number, "a test that cannot run is ignored with a reason, it does not skip by itself"


def main(stages):
    assert list(faults('#[ignore]\n#[ignore = "x: .ci/run no"]\nprintln!("skipped");', ["a"])) and stages
    files = subprocess.run(["git", "ls-files", "*.rs"], check=True, capture_output=True, text=True).stdout.split()
    found = [f"{f}:{n}: {fault}" for f in files for n, fault in faults(pathlib.Path(f).read_text(), stages)]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
