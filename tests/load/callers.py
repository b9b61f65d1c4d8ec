#!/usr/bin/env python3
"""What callers cost who do not read, do not leave, or come too often.

Starts `assay serve` with a private Postgres in a place of its own and prints, for each kind of caller, the service's memory before
and after and how long a newcomer from another address waits. Needs the release build; takes about three minutes. README.md holds
the numbers.

usage: callers.py [--callers N] [--requests N]
"""
import argparse
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
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
            **settings,
        )
        environment.pop("DATABASE_URL", None)
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


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--callers", type=int, default=1000)
    options.add_argument("--requests", type=int, default=1_000_000)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for kind in (who_do_not_read, who_stay, who_ask_often):
            kind(pathlib.Path(place), options)


if __name__ == "__main__":
    main()
