#!/usr/bin/env python3
"""What callers cost who do not read, do not leave, or come too often.

Starts `assay serve` with a private Postgres in a place of its own and prints, for each kind of caller, the service's memory before
and after and how long a newcomer from another address waits. Needs the release build; takes about three minutes. README.md holds
the numbers.

usage: callers.py [--callers N] [--requests N] [KIND…]
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASSAY = ROOT / "target/release/assay"
LARGE = "/docs/swagger-ui-bundle.js"
NEWCOMER = "127.0.9.9"


class Service:
    """`assay serve`, with soft and hard limits on open files."""

    def __init__(self, place, files, **settings):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        environment = dict(
            os.environ,
            ASSAY_HOME=str(place / "home"),
            ASSAY_RATE_LIMIT_ANONYMOUS="0",
            ASSAY_LOG__FILTER="warn",
            ASSAY_PUBLIC_URL=f"http://127.0.0.1:{self.port}",
            **settings,
        )
        environment.pop("DATABASE_URL", None)
        self.environment = environment
        self.process = subprocess.Popen(
            [ASSAY, "serve", "--listen", f"127.0.0.1:{self.port}"],
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, files),
        )
        for _ in range(600):
            try:
                self.ask("/healthz")
                break
            except OSError:
                time.sleep(0.1)

    def connect(self, source):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(source, 0))
        return s

    def ask(self, path, source=NEWCOMER):
        """The length of an answer, and the seconds until it was there."""
        begun = time.monotonic()
        with self.connect(source) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            length = 0
            while piece := s.recv(1 << 16):
                length += len(piece)
        if length == 0:
            raise OSError("refused")
        return length, time.monotonic() - begun

    def token(self, exchange):
        """A publisher's token."""
        wanted = ["--role", "publisher", "--subject", f"ops-{exchange}", "--exchange", exchange]
        return subprocess.check_output([ASSAY, "token", "mint", *wanted], env=self.environment, text=True).strip()

    def call(self, method, path, token, body=b"", kind="application/json"):
        """Status and document of an answer, and the seconds until it was there."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, {"authorization": f"Bearer {token}", "content-type": kind})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text or b"null"), time.monotonic() - begun

    def create(self, exchange, token, number):
        manifest = {
            "exchange": {"name": exchange, "domain": exchange},
            "snapshot": {"id": f"s-{number}", "taken_at": f"2026-11-{number:02}T00:00:00Z", "block_heights": {}},
        }
        return self.call("POST", "/v1/snapshots", token, json.dumps(manifest).encode())

    def snapshot(self, exchange, token):
        status, made, _ = self.create(exchange, token, 1)
        assert status == 201, made
        return made["id"]

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) // 1024

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def newcomers(self, what):
        waits = []
        for _ in range(20):
            try:
                waits.append(self.ask(LARGE)[1])
            except OSError:
                waits.append(None)
            time.sleep(0.1)
        served = sorted(w for w in waits if w is not None)
        text = f"median {served[len(served) // 2] * 1000:.0f} ms, longest {served[-1] * 1000:.0f} ms" if served else "-"
        print(f"{what}: memory {self.memory()} MiB, {self.open_files()} open files; {len(served)} of 20 newcomers served, {text}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def callers(service, number, addresses, request):
    """Connections from some addresses that have sent a request and never read."""
    held = []
    for i in range(number):
        try:
            s = service.connect(f"127.0.1.{1 + i % addresses}")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            if request:
                s.sendall(request)
            held.append(s)
        except OSError:
            pass
    return held


def who_do_not_read(place, options):
    service = Service(place, (20_000, 20_000))
    request = f"GET {LARGE} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    print(f"{options.callers} callers from 8 addresses that do not read {service.ask(LARGE)[0]} bytes")
    service.newcomers("  before")
    held = callers(service, options.callers, 8, request)
    service.newcomers("  while they wait")
    time.sleep(40)
    service.newcomers("  40 s later")
    for s in held:
        s.close()
    time.sleep(2)
    print(f"the same from one address")
    held = callers(service, options.callers, 1, request)
    service.newcomers("  while they wait")
    for s in held:
        s.close()
    service.stop()


def who_stay(place, options):
    service = Service(place, (1024, 20_000))
    print("1,100 connections of one address that stay open; soft limit 1,024 files, hard limit 20,000")
    held = callers(service, 1100, 1, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    service.newcomers("  while they stay")
    for s in held:
        s.close()
    service.stop()
    service = Service(place, (1024, 1024))
    print("1,100 connections of 8 addresses that stay open; hard limit 1,024 files")
    held = callers(service, 1100, 8, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    service.newcomers("  at once")
    time.sleep(25)
    service.newcomers("  25 s later")
    for s in held:
        s.close()
    service.stop()


def who_ask_often(place, options):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        metrics = s.getsockname()[1]
    service = Service(place, (20_000, 20_000), ASSAY_METRICS_LISTEN=f"127.0.0.1:{metrics}")
    print(f"{options.requests} requests, and nobody scrapes the metrics")
    pipelined = 100
    request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" * pipelined
    for part in range(4):
        with service.connect(NEWCOMER) as s:
            for _ in range(options.requests // 4 // pipelined):
                s.sendall(request)
                answered = 0
                while answered < pipelined:
                    answered += s.recv(1 << 18).count(b"HTTP/1.1 200")
        time.sleep(6)
        print(f"  after {(part + 1) * options.requests // 4}: memory {service.memory()} MiB")
    service.stop()


def begun(service, token, head, body=b""):
    """A request of which no more is sent, and the status of its answer, if there is one after a second."""
    s = service.connect("127.0.1.1")
    s.sendall(f"{head} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n".encode() + body)
    s.settimeout(1)
    try:
        return s, s.recv(4096).split(b" ")[1].decode()
    except TimeoutError:
        return s, "waits"


def said(statuses):
    return ", ".join(f"{statuses.count(status)} × {status}" for status in sorted(set(statuses)))


def who_hold_uploads(place, options):
    service = Service(place, (20_000, 20_000), ASSAY_WORKER__THREADS="1")
    one, other = "one.example", "other.example"
    mine, theirs = service.token(one), service.token(other)
    snapshot, open_to_all = service.snapshot(one, mine), service.snapshot(other, theirs)
    print("20 uploads of one exchange of which nothing comes after the first byte")
    head = f"PUT /v1/snapshots/{snapshot}/files/balances.csv"
    held = [begun(service, mine, head, b"content-type: text/csv\r\ncontent-length: 1000000\r\n\r\na") for _ in range(20)]
    print(f"  answers: {said([status for _, status in held])}")
    table = b"symbol,scale,price,quote\nBTC,8,1,USD\n"
    path = f"/v1/snapshots/{open_to_all}/files/assets.csv"
    waits = [service.call("PUT", path, theirs, table, "text/csv") for _ in range(20)]
    longest = max(seconds for _, _, seconds in waits)
    print(f"  20 uploads of another exchange: {said([str(status) for status, _, _ in waits])}, longest {longest * 1000:.0f} ms")
    for s, _ in held:
        s.close()
    accounts = b"account\na\n"
    for name, content in ("assets.csv", table), ("accounts.csv", accounts), ("balances.csv", b"account,asset,equity,debt\na,BTC,1,0\n"):
        service.call("PUT", f"/v1/snapshots/{open_to_all}/files/{name}", theirs, content, "text/csv")
    status, job, _ = service.call("POST", f"/v1/snapshots/{open_to_all}/attestation", theirs, b"{}")
    assert status in (200, 202), job
    print("300 event streams of one exchange, and 300 times HEAD")
    events = f"/v1/jobs/{job['id']}/events"
    held = [begun(service, theirs, f"GET {events}", b"\r\n") for _ in range(300)]
    print(f"  answers: {said([status for _, status in held])}")
    for s, _ in held:
        s.close()
    heads = [service.call("HEAD", events, theirs)[0] for _ in range(300)]
    print(f"  HEAD: {said([str(status) for status in heads])}")
    status, _, seconds = service.call("GET", f"/v1/jobs/{job['id']}", theirs)
    print(f"  the job itself: {status} after {seconds * 1000:.0f} ms; memory {service.memory()} MiB, {service.open_files()} open files")
    service.stop()


def who_fill_the_disk(place, options):
    service = Service(place, (20_000, 20_000))
    mine, theirs = service.token("one.example"), service.token("other.example")
    print("20 snapshots of one exchange, each with a file of 4 MiB")
    rows = b"account,asset,equity,debt\n" + b"a,BTC,1,0\n" * ((4 << 20) // 10)
    answers = [service.create("one.example", mine, number)[:2] for number in range(1, 21)]
    made = [answer["id"] for status, answer in answers if status == 201]
    sent = [service.call("PUT", f"/v1/snapshots/{own}/files/balances.csv", mine, rows, "text/csv")[0] for own in made]
    print(f"  snapshots: {said([str(status) for status, _ in answers])}; files: {said([str(status) for status in sent])}")
    print(f"  the last says: {answers[-1][1].get('detail')}")
    own = service.snapshot("other.example", theirs)
    status, _, seconds = service.call("PUT", f"/v1/snapshots/{own}/files/balances.csv", theirs, rows, "text/csv")
    print(f"  another exchange's 4 MiB: {status} after {seconds * 1000:.0f} ms")
    deleted = [service.call("DELETE", f"/v1/snapshots/{snapshot}", mine)[0] for snapshot in made[:2]]
    again = [service.create("one.example", mine, number)[0] for number in range(21, 25)]
    print(f"  two deleted ({said([str(status) for status in deleted])}), four more: {said([str(status) for status in again])}")
    service.stop()
    free = shutil.disk_usage(place).free
    service = Service(place, (20_000, 20_000), ASSAY_BOUNDS__DISK_RESERVE_BYTES=str(free + (1 << 30)))
    theirs = service.token("other.example")
    status, answer, _ = service.call("PUT", f"/v1/snapshots/{own}/files/accounts.csv", theirs, rows, "text/csv")
    print(f"less free space than uploads must leave: {status}, {answer.get('detail')}")
    print(f"  the snapshot itself: {service.call('GET', f'/v1/snapshots/{own}', theirs)[0]}")
    service.stop()


KINDS = {
    "unread": who_do_not_read,
    "stay": who_stay,
    "often": who_ask_often,
    "uploads": who_hold_uploads,
    "bytes": who_fill_the_disk,
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("kinds", nargs="*", metavar="KIND", help=f"which callers: {', '.join(KINDS)}; all by default")
    options.add_argument("--callers", type=int, default=1000)
    options.add_argument("--requests", type=int, default=1_000_000)
    options = options.parse_args()
    if unknown := set(options.kinds) - set(KINDS):
        sys.exit(f"there are no callers called {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory() as place:
        for kind in options.kinds or KINDS:
            KINDS[kind](pathlib.Path(place), options)


if __name__ == "__main__":
    main()
