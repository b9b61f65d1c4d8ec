#!/usr/bin/env python3
"""A second implementation of hash, identity, leaf and path, against vectors.json. Standard library only.

Written from SPEC.md section 3, so that the specification and not only the Rust code is tested. Run: python3 check.py
"""
import hashlib
import hmac
import json
import pathlib
import sys

P = 21888242871839275222246405745257275088548364400416034343698204186575808495617
LEAF, NODE = 1, 2
FULL_ROUNDS = 8


def partial_rounds(width):
    return 55 if width == 3 else 56 if width <= 7 else 57


class Grain:
    """The LFSR of the Poseidon paper's appendix."""

    def __init__(self, width, partial):
        fields = [(2, 1), (4, 1), (12, 254), (12, width), (10, FULL_ROUNDS), (10, partial), (30, 2**30 - 1)]
        self.bits = [int(b) for size, value in fields for b in format(value, f"0{size}b")]
        for _ in range(160):
            self.step()

    def step(self):
        new = 0
        for tap in (62, 51, 38, 23, 13, 0):
            new ^= self.bits[tap]
        self.bits = self.bits[1:] + [new]
        return new

    def bit(self):
        while not self.step():
            self.step()
        return self.step()

    def element(self):
        while True:
            value = 0
            for _ in range(254):
                value = 2 * value + self.bit()
            if value < P:
                return value


CONSTANTS = {}


def constants(width):
    if width not in CONSTANTS:
        rounds = FULL_ROUNDS + partial_rounds(width)
        grain = Grain(width, rounds - FULL_ROUNDS)
        keys = [[grain.element() for _ in range(width)] for _ in range(rounds)]
        matrix = [[pow(i + width + j, -1, P) for j in range(width)] for i in range(width)]
        CONSTANTS[width] = keys, matrix
    return CONSTANTS[width]


def poseidon(domain, inputs):
    base, power, tag = 2**128 - 159, 1, 0
    for word in (len(inputs) + 2**31, 1, domain):
        power = power * base % 2**128
        tag = (tag + power * word) % 2**128
    state = [tag, *inputs]
    keys, matrix = constants(len(state))
    for r, round_keys in enumerate(keys):
        state = [(x + k) % P for x, k in zip(state, round_keys)]
        full = r < FULL_ROUNDS // 2 or r >= len(keys) - FULL_ROUNDS // 2
        boxes = len(state) if full else 1
        state = [pow(x, 5, P) if i < boxes else x for i, x in enumerate(state)]
        state = [sum(m * x for m, x in zip(row, state)) % P for row in matrix]
    return state[1]


def framed(purpose, *parts):
    return b"".join(len(p).to_bytes(4, "little") + p for p in (purpose, *parts))


def salt_of(master, domain, series, account):
    """HKDF-SHA-256 without salt: extract with 32 zero bytes, expand one block."""
    key = hmac.new(bytes(32), master, hashlib.sha256).digest()
    info = framed(b"assay/salt/v1", domain, series, account)
    return hmac.new(key, info + b"\x01", hashlib.sha256).digest()


def identity_of(salt, domain, series, account):
    message = framed(b"assay/identity/v1", domain, series, account)
    return int.from_bytes(hmac.new(salt, message, hashlib.sha256).digest()[:31], "big")


def words(page):
    packed = []
    for start in range(0, len(page["entries"]), 3):
        word = 0
        for column, quantity in reversed(page["entries"][start : start + 3]):
            word = word << 77 | int(quantity) << 13 | column
        packed.append(word)
    packed[0] |= (page["first"] | page["remaining"] << 1 | page["class"] << 9) << 231
    return packed


def root_of(leaf, index, path):
    value = leaf
    for siblings in path:
        children = [number(s) for s in siblings]
        children.insert(index % 8, value)
        index //= 8
        value = poseidon(NODE, children)
    assert index == 0
    return value


def number(text):
    assert len(text) == 64
    return int(text, 16)


def main():
    vectors = json.loads((pathlib.Path(__file__).parent / "vectors.json").read_text())
    checked = 0

    def same(what, ours, theirs):
        nonlocal checked
        checked += 1
        if ours != theirs:
            sys.exit(f"{what}: {ours:064x}, the vectors say {theirs:064x}")

    for v in vectors["hashes"]:
        same("hash", poseidon(v["domain"], [number(x) for x in v["inputs"]]), number(v["hash"]))
    empty = 0
    for text in vectors["empty_roots"]:
        same("empty root", empty, number(text))
        empty = poseidon(NODE, [empty] * 8)
    for v in vectors["identities"]:
        parts = [v[part].encode() for part in ("domain", "series", "account")]
        salt = salt_of(bytes.fromhex(v["master_secret"]), *parts)
        same("salt", int.from_bytes(salt, "big"), number(v["salt"]))
        identity = identity_of(salt, *parts)
        same("identity", identity, number(v["identity"]))
        same("shard", identity * 7 >> 248, v["shard_of_7"])
    for v in vectors["leaves"]:
        for ours, theirs in zip(words(v), v["words"], strict=True):
            same("word", ours, number(theirs))
        same("leaf", poseidon(LEAF, [number(v["identity"]), *words(v)]), number(v["leaf"]))
    for v in vectors["paths"]:
        same("root", root_of(number(v["leaf"]), v["index"], v["path"]), number(v["root"]))
    print(f"{checked} vectors agree")


if __name__ == "__main__":
    main()
