# ruff: noqa: INP001, T201 - a program by itself that prints what it found
"""Check a member statement without coop.

    python verify_statement.py STATEMENT.pdf [HEAD ...]

Needs pikepdf and nothing of coop; docs/proofs.md explains each step. HEAD is the hash of a seal as
the cooperative published it. Exit code 0: everything holds; 1: the first thing that does not.
"""

import json
import sys
from hashlib import sha256
from typing import Any
from uuid import UUID

import pikepdf


def demand(holds: object, what: str) -> None:
    """Stop at the first thing that does not hold."""
    if not holds:
        sys.exit(f"does not hold: {what}")


def prefixed(*fields: object) -> bytes:
    """Absent is "-"; anything else is its length, a colon, and its bytes."""
    given = [f if f is None or isinstance(f, bytes) else str(f).encode() for f in fields]
    return b"".join(b"-" if f is None else b"%d:%b" % (len(f), f) for f in given)


def identity(text: str | None) -> bytes | None:
    """The 16 bytes of a UUID."""
    return None if text is None else UUID(text).bytes


def content_hash(cooperative: str, entry: dict[str, Any]) -> bytes:
    """SHA-256 of the canonical form of a journal entry."""
    second, _, fraction = entry["recorded_at"].removesuffix("Z").partition(".")
    exact = json.dumps(entry["metadata"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    fields = [
        "coop.entry.v1", identity(cooperative), identity(entry["id"]), entry["kind"],
        entry["effective_on"], f"{second}.{fraction or '000000'}Z", entry["memo"], entry["actor"],
        *(entry["source"] or (None, None)), identity(entry["resolution"]),
        identity(entry["reverses"]), exact, len(entry["postings"]),
    ]  # fmt: skip
    for line in entry["postings"]:
        fields += (
            identity(line["account"]),
            identity(line["fund"]),
            line["commodity"],
            line["units"],
        )
    return sha256(prefixed(*fields)).digest()


def root_over(leaf: bytes, position: int, size: int, path: list[bytes]) -> bytes | None:
    """The Merkle root that a path leads to (RFC 9162, 2.1.3.2); None: the path does not fit."""
    node, last, steps = sha256(b"\0" + leaf).digest(), size - 1, list(path)
    while last:
        if position % 2 or position < last:  # else it has no neighbour and is carried up
            if not steps:
                return None
            pair = steps[0] + node if position % 2 else node + steps[0]
            node, steps = sha256(b"\1" + pair).digest(), steps[1:]
        position, last = position // 2, last // 2
    return None if steps else node


def check_seals(twin: dict[str, Any], published: set[str]) -> None:
    """Each seal is what its head hashes, follows the one before, and is a published one."""
    seals = {seal["number"]: seal for seal in twin["seals"]}
    for number, seal in seals.items():
        head = prefixed(
            "coop.seal.v1", identity(twin["cooperative"]["id"]), number,
            bytes.fromhex(seal["previous_hash"]), bytes.fromhex(seal["root"]), seal["entries"],
            seal["watermark"],
        )  # fmt: skip
        demand(sha256(head).hexdigest() == seal["head_hash"], f"the head of seal {number}")
        before = seals.get(number - 1, {"head_hash": seal["previous_hash"]})
        demand(before["head_hash"] == seal["previous_hash"], f"seal {number} follows {number - 1}")
    heads = {seal["head_hash"] for seal in seals.values()}
    demand(heads >= published, "a published head is that of a seal of this statement")


def check_lines(twin: dict[str, Any]) -> None:
    """Each sealed line lies under its seal, shows its entry's posting, and adds up."""
    seals = {seal["number"]: seal for seal in twin["seals"]}
    journal = {entry["id"]: entry for entry in twin["journal"]}
    accounts = {account["code"]: account["id"] for account in twin["accounts"]}
    due = units(twin["due"]["opening"])
    for line in twin["entries"]:
        moved, entry, where = (
            units(line["debit"]) - units(line["credit"]),
            journal.get(line["id"]),
            line["id"],
        )
        due += moved
        demand(due == units(line["due"]), f"entry {where}: the running sum")
        if entry is not None and moved:
            posting = entry["postings"][line["line"]]
            same = (posting["account"], int(posting["units"])) == (accounts[line["account"]], moved)
            demand(same, f"entry {where}: the amount shown is the one posted")
        if line["seal"] is None:
            continue
        leaf, seal = bytes.fromhex(line["content_hash"]), seals[line["seal"]]
        path = [bytes.fromhex(step) for step in line["path"]]
        root = root_over(leaf, line["position"], seal["entries"], path)
        demand(
            root == bytes.fromhex(seal["root"]),
            f"entry {where}: it lies under seal {seal['number']}",
        )
        if entry is not None:
            demand(
                content_hash(twin["cooperative"]["id"], entry) == leaf, f"entry {where}: its facts"
            )
    demand(due == units(twin["due"]["closing"]), "opening and lines make closing")


def units(amount: str) -> int:
    """12.50 is 1250 minor units: every amount of a statement has all its decimals."""
    return int(amount.replace(".", ""))


if __name__ == "__main__":
    with pikepdf.open(sys.argv[1]) as pdf:
        found = json.loads(pdf.attachments["statement.json"].get_file().read_bytes())
    check_seals(found, set(sys.argv[2:]))
    check_lines(found)
    print(
        f"holds: {found['sealed_entries']} of {found['entry_count']} lines are sealed; newest head"
    )
    print(found["seals"][-1]["head_hash"] if found["seals"] else "none")
