#!/usr/bin/env python3
"""What the service carries: inclusion requests and pages a second, and rows a second on the way in.

Everything is measured beside something that anybody knows, in the same run on the same machine: inclusion requests and pages beside a
static file of the same server, ingest beside psql's \\copy of the same rows. Needs the release build, wrk and psql; takes about
the time of one large proof. `make load` runs it; README.md holds the numbers.

usage: load.py [--accounts N] [--seconds S] [--rows N] [--shape NAME] [--skip-ingest] [--skip-inclusion] [--skip-pages]
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASSAY = ROOT / "target/release/assay"
DOMAIN = "exchange.example"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Service:
    """`assay serve` with a private Postgres in a place of its own."""

    def __init__(self, place, **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = dict(
            os.environ,
            ASSAY_HOME=str(place / "home"),
            ASSAY_PUBLIC_URL=self.url,
            ASSAY_RATE_LIMIT_SUBJECT="4000000000",
            ASSAY_RATE_LIMIT_ANONYMOUS="4000000000",
            ASSAY_LOG__FILTER="warn",
            ASSAY_WORKER__THREADS=str(os.cpu_count()),
            **settings,
        )
        self.env.pop("DATABASE_URL", None)
        others = sockets()
        self.process = subprocess.Popen(
            [ASSAY, "serve", "--listen", f"127.0.0.1:{self.port}"], env=self.env, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            try:
                self.request("GET", "/healthz")
                break
            except OSError:
                time.sleep(0.1)
        # the private Postgres is the one that was not there before
        self.database = f"host={(sockets() - others).pop()} dbname=assay user=assay"
        self.publisher = self.token("publisher", "load")

    def token(self, role, subject):
        run = [ASSAY, "token", "mint", "--role", role, "--subject", subject, "--exchange", DOMAIN, "--audience", self.url]
        return subprocess.run(run, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def request(self, method, path, token=None, body=None, kind="application/json"):
        headers = {"content-type": kind} if body is not None else {}
        if token:
            headers["authorization"] = f"Bearer {token}"
        if hasattr(body, "name"):
            headers["content-length"] = str(os.path.getsize(body.name))
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")

    def memory_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def manifest(ledger):
    import tomllib

    return tomllib.loads((ledger / "manifest.toml").read_text())


def upload(service, ledger):
    body = json.dumps(manifest(ledger)).encode()
    snapshot = json.loads(service.request("POST", "/v1/snapshots", service.publisher, body))["id"]
    for file in sorted(ledger.glob("*.csv")):
        with open(file, "rb") as content:
            service.request("PUT", f"/v1/snapshots/{snapshot}/files/{file.name}", service.publisher, content, "text/csv")
    return snapshot


def attest(service, snapshot, shape):
    body = json.dumps({"shape": shape}).encode()
    job = json.loads(service.request("POST", f"/v1/snapshots/{snapshot}/attestation", service.publisher, body))["id"]
    begun = time.monotonic()
    while True:
        answer = json.loads(service.request("GET", f"/v1/jobs/{job}", service.publisher))
        if answer["state"] == "published":
            print(f"attested {answer['accounts']} accounts, {answer['pages']} pages, {answer['steps']} steps "
                  f"of {answer['shape']} in {time.monotonic() - begun:.0f} s")
            return answer["attestation"]
        if answer["state"] in ("refused", "failed", "cancelled"):
            sys.exit(f"the job ended as {answer['state']}: {answer.get('detail')}")
        time.sleep(1)


def wrk(url, seconds, script):
    run = ["wrk", "--threads", "1", "--connections", "16", "--duration", f"{seconds}s", "--latency", "--script", script, url]
    text = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    p99 = re.search(r"99%\s+(\S+)", text)[1]
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if bad:
        sys.exit(f"{bad[1]} answers were errors: {url}")
    return rate, p99


def inclusion(service, place, options):
    """Attests a sample and measures; returns the service that runs at the end."""
    ledger = place / "ledger"
    subprocess.run([ASSAY, "sample", "--accounts", str(options.accounts), "--out", ledger, "--quiet"], check=True)
    attestation = attest(service, upload(service, ledger), options.shape)
    names = [line.split(",")[0] for line in (ledger / "accounts.csv").read_text().splitlines()[1:]]
    step = max(1, len(names) // 400)
    tokens = [service.token("customer", name) for name in names[::step][:400]]
    path = f"/v1/attestations/{attestation}/inclusion"
    body = service.request("GET", path, tokens[0])
    # the static file of the server that is nearest in size
    static = "/docs/index.css"
    fixed = service.request("GET", static)
    print(f"an inclusion file has {len(body)} bytes, the static file {len(fixed)}")
    own = place / "inclusion.lua"

    def script(tokens):
        own.write_text(
            "local tokens = {" + ",".join(f"'{t}'" for t in tokens) + "}\nlocal i = 0\n"
            "request = function()\n  i = i % #tokens + 1\n"
            f"  return wrk.format('GET', '{path}', {{ ['Authorization'] = 'Bearer ' .. tokens[i] }})\nend\n"
        )

    script(tokens)
    plain = place / "static.lua"
    plain.write_text(f"request = function() return wrk.format('GET', '{static}') end\n")
    # every batch is read once before
    wrk(service.url, 5, own)
    before = service.memory_kib()
    asked = int(sum(compared(service, options.seconds, own, plain)) * options.seconds)
    print(f"memory {before // 1024} MiB before, {service.memory_kib() // 1024} MiB after {asked} inclusion requests")

    # and as if every customer asked once: each request's token is judged
    service.stop()
    service = Service(place, ASSAY_TOKEN_BELIEVED_SECONDS="0")
    # a token is for one address, and this service has another
    script([service.token("customer", name) for name in names[::step][:400]])
    wrk(service.url, 5, own)
    print("with every token judged:")
    compared(service, options.seconds, own, plain)
    return service


def pages(service, place, options):
    """Attests a small sample and compares the pages that people read with a static file."""
    ledger = place / "small"
    subprocess.run([ASSAY, "sample", "--accounts", "100", "--out", ledger, "--quiet"], check=True)
    attestation = attest(service, upload(service, ledger), "auto")
    plain = place / "plain.lua"
    # both as a browser asks for them
    packed = "{ ['accept-encoding'] = 'gzip' }"
    plain.write_text(f"request = function() return wrk.format('GET', '/docs/index.css', {packed}) end\n")
    for path in (f"/a/{attestation}", "/", f"/e/{DOMAIN}"):
        body = service.request("GET", path)
        print(f"{path[:3]}: {len(body)} bytes")
        own = place / "page.lua"
        own.write_text(f"request = function() return wrk.format('GET', '{path}', {packed}) end\n")
        wrk(service.url, 2, own)
        compared(service, options.seconds, own, plain, "page")


def compared(service, seconds, own, plain, name="inclusion"):
    """Three times one after the other, with their ratio; returns the first one's requests a second."""
    rates = [(wrk(service.url, seconds, own), wrk(service.url, seconds, plain)) for _ in range(3)]
    ratios = [a[0] / b[0] for a, b in rates]
    for (a, b), ratio in zip(rates, ratios):
        print(f"{name} {a[0]:.0f} requests/s, p99 {a[1]}; static {b[0]:.0f} requests/s, p99 {b[1]}; ratio {ratio:.2f}")
    print(f"median ratio {sorted(ratios)[1]:.2f}")
    return [a[0] for a, _ in rates]


def ingest(service, place, options):
    ledger = place / "rows"
    ledger.mkdir()
    per = 10
    accounts = options.rows // per
    with open(ledger / "balances.csv", "w") as file:
        file.write("account,asset,equity,debt\n")
        for a in range(accounts):
            for i in range(per):
                file.write(f"customer-{a:08},A{i},{a % 9973}.{i}{a % 97:02},0\n")
    meta = {
        "exchange": {"name": "Load", "domain": DOMAIN},
        "snapshot": {"id": "load-rows", "taken_at": "2026-02-01T00:00:00Z"},
    }
    snapshot = json.loads(service.request("POST", "/v1/snapshots", service.publisher, json.dumps(meta).encode()))["id"]
    psql = ["psql", "--quiet", "--no-psqlrc", service.database]
    create = "DROP TABLE IF EXISTS plain; CREATE TABLE plain (account text, asset text, equity numeric, debt numeric)"
    ratios = []
    for attempt in range(3):
        begun = time.monotonic()
        with open(ledger / "balances.csv", "rb") as content:
            service.request("PUT", f"/v1/snapshots/{snapshot}/files/balances.csv", service.publisher, content, "text/csv")
        own = time.monotonic() - begun
        subprocess.run([*psql, "--command", create], check=True)
        begun = time.monotonic()
        copy = f"\\copy plain FROM '{ledger / 'balances.csv'}' WITH (FORMAT csv, HEADER true)"
        subprocess.run([*psql, "--command", copy], check=True)
        plain = time.monotonic() - begun
        ratios.append(plain / own)
        print(f"{options.rows} rows: {options.rows / own:.0f} rows/s over HTTP, {options.rows / plain:.0f} with \\copy; "
              f"ratio {ratios[-1]:.2f}")
    print(f"median ratio {sorted(ratios)[1]:.2f}")


def sockets():
    """Directories of the Postgres servers that listen on this machine."""
    lines = pathlib.Path("/proc/net/unix").read_text().splitlines()
    paths = [line.split()[-1] for line in lines if line.endswith("/.s.PGSQL.5432")]
    return {path.rsplit("/", 1)[0] for path in paths}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, default=100_000)
    options.add_argument("--seconds", type=int, default=15)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--shape", default="auto")
    options.add_argument("--skip-ingest", action="store_true")
    options.add_argument("--skip-inclusion", action="store_true")
    options.add_argument("--skip-pages", action="store_true")
    options = options.parse_args()
    for program in ("wrk", "psql"):
        if not shutil.which(program):
            sys.exit(f"{program} is missing (Debian: apt-get install wrk postgresql-client)")
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        service = Service(place)
        try:
            if not options.skip_ingest:
                ingest(service, place, options)
            if not options.skip_pages:
                pages(service, place, options)
            if not options.skip_inclusion:
                service = inclusion(service, place, options)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
