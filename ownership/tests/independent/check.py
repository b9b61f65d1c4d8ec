#!/usr/bin/env python3
"""Decides the published vectors and lines with libraries that share no code with `assay-ownership`: btclib's interpreter of Bitcoin's
scripts, coincurve, eth-account, PyNaCl and pycryptodome. `tests/published/` asserts the same verdicts.

    python3 -m venv V && V/bin/pip install -r requirements.txt && V/bin/python check.py [DIRECTORY]

DIRECTORY holds ownership-vectors.json and its neighbours; by default reserves/ in TEST_DATA or in ../shared/data.
"""
import base64
import collections
import csv
import hashlib
import json
import os
import pathlib
import sys

import base58
from btclib.ecc import bms
from btclib.script.engine import ALL_FLAGS, verify_input
from btclib.script.engine.flags import ScriptFlag
from btclib.script.witness import Witness
from btclib.tx.out_point import OutPoint
from btclib.tx.tx import Tx
from btclib.tx.tx_in import TxIn
from btclib.tx.tx_out import TxOut
from coincurve import PublicKey
from Crypto.Hash import RIPEMD160, keccak
from eth_account import Account
from eth_account.messages import encode_defunct
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FLAGS = ALL_FLAGS | ScriptFlag.STRICTENC | ScriptFlag.LOW_S | ScriptFlag.MINIMALDATA | ScriptFlag.CLEANSTACK
FLAGS |= ScriptFlag.NULLFAIL | ScriptFlag.WITNESS_PUBKEYTYPE | ScriptFlag.MINIMALIF
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class Refused(Exception):
    """What was tried is not so."""


def need(holds, why):
    if not holds:
        raise Refused(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def hash160(data):
    return RIPEMD160.new(sha256(data)).digest()


def keccak256(data):
    return keccak.new(digest_bits=256, data=data).digest()


def var_str(data):
    return (bytes([len(data)]) if len(data) < 253 else b"\xfd" + len(data).to_bytes(2, "little")) + data


def okx(message):
    return var_str(b"OKX Signed Message:\n") + var_str(message)


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def recover(digest, rsv):
    need(len(rsv) == 65 and rsv[64] in (0, 1, 27, 28), "r, s, v")
    return PublicKey.from_signature_and_message(rsv[:64] + bytes([rsv[64] % 27]), digest, hasher=None)


def evm_address(key):
    return keccak256(key.format(False)[1:])[12:]


def fives(data):
    bits = "".join(f"{b:08b}" for b in data)
    return [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]


def bech32(prefix, digits):
    """Digits of five bits with bech32's checksum; Cosmos has no version before them, Bitcoin's kin has."""
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    total = 1
    for value in head + digits + [0] * 6:
        top, total = total >> 25, (total & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            total ^= generator if top >> bit & 1 else 0
    return prefix + "1" + "".join(BECH32[d] for d in digits + [(total ^ 1) >> 5 * (5 - i) & 31 for i in range(6)])


# BIP-322


def transactions(address, message):
    tag = sha256(b"BIP0322-signed-message")
    script_sig = b"\x00\x20" + sha256(tag + tag + message)
    nothing = TxIn(OutPoint(bytes(32), 0xFFFFFFFF, check_validity=False), script_sig, 0, Witness(), check_validity=False)
    spent = TxOut.from_address(0, address)
    to_spend = Tx(0, 0, [nothing], [spent], check_validity=False)
    return to_spend.id, spent


def varint(data, at):
    first = data[at]
    size = {253: 2, 254: 4, 255: 8}.get(first, 0)
    return (int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size) if size else (first, at + 1)


def psbt_maps(data):
    need(data[:5] == b"psbt\xff", "a PSBT")
    maps, at = [], 5
    while at < len(data):
        entries = {}
        while True:
            length, at = varint(data, at)
            if length == 0:
                break
            key, at = data[at : at + length], at + length
            length, at = varint(data, at)
            entries[key], at = data[at : at + length], at + length
        maps.append(entries)
    return maps


def bip322(address, message, signature):
    """Raises if the interpreter refuses; a time lock is satisfied by the transaction's own times, as the specification asks."""
    txid, spent = transactions(address, message)
    kind, text = (signature[:3], signature[3:]) if signature[:3] in ("smp", "ful", "pof") else ("smp", signature)
    data = base64.b64decode(text, validate=True)
    prevouts = [spent]
    if kind == "smp":
        witness = Witness.parse(data)
        need(witness.serialize() == data, "nothing behind the witness")
        first = TxIn(OutPoint(txid, 0), b"", 0, witness)
        tx = Tx(0, 0, [first], [TxOut(0, b"\x6a")], check_validity=False)
    elif kind == "ful":
        tx = Tx.parse(data, check_validity=False)
        need(tx.serialize(True, check_validity=False) == data and len(tx.vin) == 1, "one input")
    else:
        first, *inputs = psbt_maps(data)
        tx = Tx.parse(first[b"\x00"], check_validity=False)
        before = {}
        for entries in inputs:
            if b"\x00" in entries:
                other = Tx.parse(entries[b"\x00"], check_validity=False)
                before[other.id] = other
        for i, entries in enumerate(inputs[: len(tx.vin)]):
            tx.vin[i].script_sig = entries.get(b"\x07", b"")
            tx.vin[i].script_witness = Witness.parse(entries[b"\x08"]) if b"\x08" in entries else Witness()
            if i:
                point = tx.vin[i].prev_out
                prevouts.append(before[point.tx_id].vout[point.vout] if point.tx_id in before else TxOut.parse(entries[b"\x01"]))
        need(len(tx.vin) > 1, "funds")
    need(tx.version in (0, 2), "version")
    need(len(tx.vout) == 1 and tx.vout[0].value == 0 and tx.vout[0].script_pub_key.script == b"\x6a", "output")
    need((tx.vin[0].prev_out.tx_id, tx.vin[0].prev_out.vout) == (txid, 0), "the message's transaction")
    kinds = []
    for i in range(len(tx.vin)):
        verify_input(prevouts, tx, i, FLAGS, hash_types=kinds)
    need(set(kinds) <= {0, 1}, "signatures of everything")


# signed messages

COINS = {
    "bitcoin": ("Bitcoin", 0, 5, "bc"),
    "litecoin": ("Litecoin", 48, 50, "ltc"),
    "dogecoin": ("Dogecoin", 30, 22, None),
    "dash": ("DarkCoin", 76, 16, None),
    "bitcoin-cash": ("Bitcoin", 0, 5, None),
    "bitcoin-sv": ("Bitcoin", 0, 5, None),
}


def message_key(chain, message, signature):
    data = base64.b64decode(signature, validate=True)
    need(len(data) == 65 and 27 <= data[0] <= 42, "65 bytes")
    magic = f"{COINS[chain][0]} Signed Message:\n".encode()
    digest = sha256(sha256(var_str(magic) + var_str(message)))
    return data[0], PublicKey.from_signature_and_message(data[1:] + bytes([(data[0] - 27) & 3]), digest, hasher=None)


def base58_address(version, payload):
    return base58.b58encode_check(bytes([version]) + payload).decode()


def bitcoin_message(chain, address, message, signatures, script):
    _, key_version, script_version, prefix = COINS[chain]
    if script:
        own = {base58_address(script_version, hash160(script))}
        if prefix:
            own.add(bech32(prefix, [0] + fives(sha256(script))))
            own.add(base58_address(script_version, hash160(b"\x00\x20" + sha256(script))))
        need(address in own, "the script's address")
        needed, count, keys = script[0] - 0x50, script[-2] - 0x50, []
        for i in range(count):
            need(script[1 + 34 * i] == 33, "short keys")
            keys.append(script[2 + 34 * i : 35 + 34 * i])
        need(script[-1] == 0xAE and len(script) == 3 + 34 * count, "a multisig")
        signers = [message_key(chain, message, signature)[1].format() for signature in signatures]
        need(set(signers) <= set(keys) and len(set(signers)) == len(signers) >= needed, "the script's keys")
        return
    (signature,) = signatures
    if chain == "bitcoin":
        bms.assert_as_valid(message, address, signature)
        return
    header, key = message_key(chain, message, signature)
    own = {base58_address(key_version, hash160(key.format(header >= 31)))} if header < 35 else set()
    if prefix and 31 <= header < 39:
        own.add(base58_address(script_version, hash160(b"\0\x14" + hash160(key.format()))))
    need(address in own, "the key's address")


# the other chains


def recovered(digest, addresses):
    """A check that the key of an r, s, v has the address by one of these rules."""
    return lambda address, message, signature, _: need(
        address.lower() in [rule(recover(digest(message), unhex(signature))).lower() for rule in addresses], "the key's address"
    )


def tron_text(message, length=None):
    return b"\x19TRON Signed Message:\n" + str(length or len(message)).encode() + message


def blake(data, size):
    return hashlib.blake2b(data, digest_size=size).digest()


def filecoin(protocol, payload):
    total = blake(bytes(protocol) + payload, 4)
    text = base64.b32encode(payload + total).decode().lower().rstrip("=")
    return ("f410f" if protocol[0] == 4 else "f1") + text


def conflux(key):
    """Compares nothing but the bytes before the checksum."""
    data = b"\0" + bytes([evm_address(key)[0] & 15 | 16]) + evm_address(key)[1:]
    return "cfx:" + "".join("abcdefghjkmnprstuvwxyz0123456789"[d] for d in fives(data))


def ethereum(key):
    return "0x" + evm_address(key).hex()


def tron(key):
    return base58_address(0x41, evm_address(key))


def eip191(address, message, signature, _):
    need(Account.recover_message(encode_defunct(message), signature=unhex(signature)).lower() == address.lower(), "the key's address")


def eip191_keccak(address, message, signature, key):
    eip191(address, keccak256(message), signature, key)


def ed25519(text, addresses):
    def check(address, message, signature, key):
        data = unhex(signature) if len(signature) > 100 else base58.b58decode(signature)
        key = unhex(key) if key else base58.b58decode(address)
        VerifyKey(key).verify(text(message), data)
        need(any(address == rule(key) for rule in addresses), "the key's address")

    return check


def ton(address):
    """A rule that gives the address back for the key of one of the wallets v3r1, v3r2, v4r2, v5r1 and high-load v3r1."""

    def cell(bits, references=()):
        full = len(bits) % 8 == 0
        padded = bits if full else (bits + "1").ljust(-(-(len(bits) + 1) // 8) * 8, "0")
        data = int(padded, 2).to_bytes(len(padded) // 8, "big")
        head = bytes([len(references), len(bits) // 8 + -(-len(bits) // 8)])
        depths = b"".join(depth.to_bytes(2, "big") for depth, _ in references)
        return sha256(head + data + depths + b"".join(digest for _, digest in references))

    def wallets(key):
        bits = "".join(f"{b:08b}" for b in key)
        plain = f"{0:032b}{698983191:032b}{bits}"
        highload = f"{bits}{4269:032b}00{0:064b}{43200:022b}"
        for code, depth, data in (
            ("b61041a58a7980b946e8fb9e198e3c904d24799ffa36574ea4251c41a566f581", 0, plain),
            ("84dafa449f98a6987789ba232358072bc0f76dc4524002a5d0918b9a75d2d599", 0, plain),
            ("feb5ff6820e2ff0d9483e7e0d62c817d846789fb4ae580c878866d959dabd5c0", 7, plain + "0"),
            ("20834b7b72b112147e1b2fb457b84e74d1a30f04f737d4f62a668e9552d2b72f", 6, f"1{0:032b}{0x7FFFFF11:032b}{bits}0"),
            ("11acad7955844090f283bf238bc1449871f783e7cc0979408d3f4859483e8525", 6, highload),
        ):
            yield cell("00110", ((depth, bytes.fromhex(code)), (0, cell(data))))

    return lambda key: address if base64.b64decode(address.replace("-", "+").replace("_", "/"))[2:34] in wallets(key) else ""


def solana_offchain(address, message, signature, _):
    key = VerifyKey(base58.b58decode(address))
    end = len(message).to_bytes(2, "little") + message
    for head in (b"\0\0", b"\0" + bytes(32) + b"\0\x01" + bytes(key)):
        try:
            return key.verify(b"\xffsolana offchain" + head + end, base58.b58decode(signature))
        except BadSignatureError:
            continue
    raise Refused("signed")


def sui_personal(address, message, signature, _):
    data = base64.b64decode(signature, validate=True)
    need(data[0] == 0 and len(data) == 97 and len(message) < 128, "a short text and an Ed25519 key")
    need(address == "0x" + blake(b"\0" + data[65:], 32).hex(), "the key's address")
    VerifyKey(data[65:]).verify(blake(b"\x03\0\0" + bytes([len(message)]) + message, 32), data[1:65])


def ton_proof(address, message, signature, key):
    seconds, text = signature.split(".")
    domain = b"exchange.example"
    wallet = base64.b64decode(address)[2:34]
    item = b"ton-proof-item-v2/" + bytes(4) + wallet + len(domain).to_bytes(4, "little") + domain
    item += int(seconds).to_bytes(8, "little") + sha256(message).hex().encode()
    VerifyKey(unhex(key)).verify(sha256(b"\xff\xffton-connect" + sha256(item)), base64.b64decode(text))
    need(ton(address)(unhex(key)) == address, "the key's address")


def xrp(address, message, signature, key):
    key = bytes.fromhex(key)
    ripple = base58.b58encode_check(b"\0" + hash160(key), alphabet=base58.RIPPLE_ALPHABET).decode()
    need(ripple == address, "the key's address")
    if key[0] == 0xED:
        VerifyKey(key[1:]).verify(message, bytes.fromhex(signature))
    else:
        need(PublicKey(key).verify(bytes.fromhex(signature), hashlib.sha512(message).digest()[:32], hasher=None), "signed")


def adr36(address, message, signature, key):
    prefix = address.split("1")[0]
    need(bech32(prefix, fives(hash160(bytes.fromhex(key)))) == address, "the key's address")
    value = {"data": base64.b64encode(message).decode(), "signer": address}
    document = {
        "account_number": "0",
        "chain_id": "",
        "fee": {"amount": [], "gas": "0"},
        "memo": "",
        "msgs": [{"type": "sign/MsgSignData", "value": value}],
        "sequence": "0",
    }
    digest = sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    rs = base64.b64decode(signature)
    candidates = [PublicKey.from_signature_and_message(rs + bytes([i]), digest, hasher=None) for i in (0, 1)]
    need(bytes.fromhex(key) in [candidate.format() for candidate in candidates], "signed")


def forms(chain, address):
    """Every form of a chain by its name."""
    family = chain.split(":")[0]
    okx_digest = lambda message: keccak256(okx(message))  # noqa: E731
    own = {
        "tron": {
            "tip191": recovered(lambda m: keccak256(tron_text(m)), [tron]),
            "tron-keccak": recovered(lambda m: keccak256(tron_text(keccak256(m))), [tron]),
            "tron-32": recovered(lambda m: keccak256(tron_text(m, 32)), [tron]),
        },
        "solana": {
            "solana-offchain": solana_offchain,
            "ed25519": ed25519(lambda m: m, [lambda key: base58.b58encode(key).decode()]),
            "okx-ed25519": ed25519(okx, [lambda key: base58.b58encode(key).decode()]),
        },
        "aptos": {
            "ed25519": ed25519(lambda m: m, [lambda key: "0x" + hashlib.sha3_256(key + b"\0").hexdigest()]),
            "okx-ed25519": ed25519(
                okx,
                [
                    lambda key: "0x" + hashlib.sha3_256(key + b"\0").hexdigest(),
                    lambda key: "0x" + hashlib.sha3_256(key + b"\0").hexdigest().lstrip("0"),
                ],
            ),
        },
        "sui": {
            "sui-personal": sui_personal,
            "ed25519": ed25519(lambda m: m, [lambda key: "0x" + blake(b"\0" + key, 32).hex()]),
            "okx-ed25519": ed25519(okx, [lambda key: "0x" + blake(b"\0" + key, 32).hex()]),
        },
        "ton": {
            "ed25519": ed25519(lambda m: m, [ton(address)]),
            "ton-proof": ton_proof,
            "okx-ed25519": ed25519(okx, [ton(address)]),
        },
        "xrp": {"xrp": xrp},
        "polkadot": {
            "okx-ed25519": ed25519(
                okx, [lambda key: base58.b58encode(b"\0" + key + blake(b"SS58PRE\0" + key, 64)[:2]).decode()]
            )
        },
        "cardano": {"okx-ed25519": ed25519(okx, [lambda key: bech32("addr", fives(b"\x61" + blake(key, 28)))])},
        "cosmos": {
            "adr36": adr36,
            "okx-ecdsa": recovered(
                okx_digest,
                [
                    lambda key: bech32(chain[7:], fives(hash160(key.format()))),
                    lambda key: bech32(chain[7:], fives(evm_address(key))),
                ],
            ),
        },
        "filecoin": {
            "eip191": recovered(
                lambda m: keccak256(b"\x19Ethereum Signed Message:\n" + str(len(m)).encode() + m),
                [lambda key: filecoin([4, 10], evm_address(key))],
            ),
            "eip191-keccak": recovered(
                lambda m: keccak256(b"\x19Ethereum Signed Message:\n32" + keccak256(m)),
                [lambda key: filecoin([4, 10], evm_address(key))],
            ),
            "okx-ecdsa": recovered(okx_digest, [lambda key: filecoin([1], blake(key.format(False), 20))]),
        },
        "conflux": {"okx-ecdsa": lambda a, *rest: recovered(okx_digest, [conflux])(a[:-8], *rest)},
    }
    evm = {
        "eip191": eip191,
        "eip191-keccak": eip191_keccak,
        "keccak": recovered(keccak256, [ethereum]),
        "okx-ecdsa": recovered(okx_digest, [ethereum]),
    }
    return own.get(family, evm if address.startswith("0x") and family not in ("starknet", "aelf") else {})


def decide(chain, scheme, address, message, signatures, key, script):
    """The form in which the address' key signed, or None."""
    message, tried = message.encode(), []
    if chain in COINS:
        message_form = lambda: bitcoin_message(chain, address, message, signatures, unhex(script or ""))  # noqa: E731
        tried = [("bitcoin-message", message_form)]
        if chain == "bitcoin" and scheme in (None, "bip322"):
            tried.append(("bip322", lambda: bip322(address, message, *signatures)))
    elif len(signatures) == 1:
        tried = [
            (name, lambda check=check: check(address, message, signatures[0], key)) for name, check in forms(chain, address).items()
        ]
    for name, check in tried:
        if scheme in (None, name):
            try:
                check()
                return name
            except (Refused, BadSignatureError, ValueError, KeyError, IndexError, TypeError, RuntimeError, AssertionError):
                continue
            except Exception as error:  # btclib's and coincurve's own
                if type(error).__module__.split(".")[0] not in ("btclib", "coincurve", "eth_keys", "binascii", "nacl"):
                    raise
    return None


# the files


def vectors(folder):
    """Disagreements with what the vectors state."""
    counts, wrong = collections.Counter(), []
    for name in ("ownership-vectors.json", "canonical.json"):
        for vector in json.loads((folder / name).read_text())["vectors"]:
            chain = vector["chain"] if "hrp" not in vector else f"cosmos:{vector['hrp']}"
            scheme = {
                "bitcoin-message-multisig": "bitcoin-message",
                "tron": "tip191",
                "tron-any": None,
                "cosmos-adr36": "adr36",
            }.get(vector["scheme"], vector["scheme"])
            given = (vector["signatures"], vector.get("key"), vector.get("script"))
            form = decide(chain, scheme, vector["address"], vector["message"], *given)
            counts[name, vector["valid"], form is not None] += 1
            if (form is not None) != vector["valid"]:
                wrong.append(vector["id"])
    for name in ("bip322-basic-vectors.json", "bip322-generated-vectors.json"):
        for section, listed in json.loads((folder / name).read_text()).items():
            for vector in listed:
                signatures = vector.get("bip322_signatures", vector.get("signature", []))
                for signature in [signatures] if isinstance(signatures, str) else signatures:
                    form = decide("bitcoin", "bip322", vector["address"], vector["message"], [signature], None, None)
                    counts[name, section != "error", form is not None] += 1
                    if (form is not None) != (section != "error"):
                        wrong.append(f"{section}: {vector['address']}")
    return counts, wrong


OKX = {
    "BTC": "bitcoin", "BSV": "bitcoin-sv", "BCHN": "bitcoin-cash", "LTC": "litecoin", "DOGE": "dogecoin", "DASH": "dash",
    "TRON": "tron", "TON": "ton", "APTOS": "aptos", "DOT": "polkadot", "ADA": "cardano", "FIL": "filecoin", "FIL-EVM": "filecoin",
    "CFX": "conflux", "LUNC": "cosmos:terra", "STARKNET": "starknet", "ELF": "aelf", "Vaulta": "vaulta",
}  # fmt: skip


def okx_line(coin, address, message, signatures, key):
    chain = "cosmos:ex" if address.startswith("ex1") else OKX.get(coin, "ethereum")
    signatures = [s for s in signatures if s not in ("", "null")]
    key = "" if key == "null" else key
    script = key if chain in COINS else None
    return decide(chain, None, address, message, signatures, key or None, script)


def table(path, header):
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(header))
    width = lines[start].count(",") + 1
    return [([f.strip() for f in row] + [""] * width)[:width] for row in csv.reader(lines[start + 1 :]) if row]


def published(folder):
    """Which forms the exchanges' lines are valid in."""
    found = collections.defaultdict(collections.Counter)
    for v in json.loads((folder / "okx-signatures.json").read_text())["vectors"]:
        signatures = [v["signature1"], v["signature2"]]
        form = okx_line(v["coin"], v["address"], v["message"], signatures, v["redeem_script_or_public_key"])
        found["okx-signatures.json"][form] += 1
    for _, network, _, address, _, message, first, second, key, *_ in table(folder / "okx-example.csv", "coin,Network"):
        found["okx-example.csv"][okx_line(network, address, message, [first, second], key)] += 1
    for _, network, address, first, second, message, key, *_ in table(folder / "okx-many-chains.csv", "digitalAsset"):
        found["okx-many-chains.csv"][okx_line(network, address, message, [first, second], key)] += 1
    for coin, address, height, balance, message, signature in table(folder / "htx_por_2026-02.csv", "coin,address"):
        if (height, balance) == ("-", "-"):
            chain = "tron" if address.startswith("T") else "ethereum"
            found["htx owners"][decide(chain, None, address, message, [signature], None, None)] += 1
        elif signature != "-":
            chain = "bitcoin" if coin == "BTC" else "tron" if address.startswith("T") else "ethereum"
            found["htx_por_2026-02.csv"][decide(chain, None, address, message, [signature], None, None)] += 1
        else:
            found["htx_por_2026-02.csv"]["unsigned"] += 1
    return found


def frozen():
    """Our own frozen lines that no form makes valid; contracts have rules of their own and are left out."""
    rows = [line.split("\t") for line in (HERE.parent / "frozen/lines.tsv").read_text().splitlines()[1:]]
    wrong = []
    for chain, name, address, key, signature in rows:
        texts = [text.rsplit(":", 1)[-1] for text in signature.split(" ")]
        script = key.removeprefix("script:") if key.startswith("script:") else None
        form = decide(chain, None, address, "Test Message", texts, None if script else key.lower(), script)
        if form is None and not key.startswith("safe:"):
            wrong.append(f"frozen: {chain}: {name}")
    return len(rows), wrong


# as `tests/published/` has them: shown, and not
EXPECTED = {
    "okx-signatures.json": (31, 6),
    "okx-example.csv": (3, 2),
    "okx-many-chains.csv": (7, 2),
    "htx_por_2026-02.csv": (36, 44),
    "htx owners": (15, 0),
}


def main(arguments):
    data = pathlib.Path(os.environ.get("TEST_DATA", ROOT.parent / "shared/data"))
    folder = pathlib.Path(arguments[0]) if arguments else data / "reserves"
    counts, wrong = vectors(folder)
    lines, not_read = frozen()
    wrong += not_read
    print(f"{lines} frozen lines, {len(not_read)} not read")
    for (name, stated, decided), count in sorted(counts.items()):
        print(f"{name}: {count} stated {'valid' if stated else 'false'}, decided {'valid' if decided else 'false'}")
    for name, forms_found in published(folder).items():
        shown = sum(n for form, n in forms_found.items() if form not in (None, "unsigned"))
        print(f"{name}: {dict(forms_found)}")
        if (shown, sum(forms_found.values()) - shown) != EXPECTED[name]:
            wrong.append(f"{name}: {shown} shown")
    print("\n".join(wrong) or "no disagreement")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
