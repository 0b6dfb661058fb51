"""`coop verify`: recompute what the books say twice, or what a document says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coop.billing.verifying import verify_bills
from coop.cli.running import FINDINGS, House, run
from coop.cli.showing import AsJson, CooperativeSlug, print_error, print_json, progress
from coop.ledger.verification import Verification
from coop.ledger.verification import verify as verify_books
from coop.members.domain.people import Cooperative
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    said_in,
)

Found = list[tuple[Cooperative, Verification]]


def verify(
    document: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A statement or invoice to check by itself, offline."
        ),
    ] = None,
    slug: CooperativeSlug = None,
    as_json: AsJson = False,
) -> None:
    """Check every invariant and every seal of the books; of all cooperatives, or of the one named.

    Everything is recomputed from the tables: hashes of entries, Merkle roots, the chain of seals,
    balances, sums of days, closed months, numbers and sums of invoices. With --document only the
    file is read: its figures, its drawing and its inclusion proofs, no database needed. Exit code 3
    when something is found.

    Examples:

        coop verify --json

        coop verify --document invoice.pdf
    """
    if document is not None:
        _verify_document(document, as_json)
        return
    found = run(lambda house: _verify_all(house, slug), as_json=as_json)
    if as_json:
        ok = all(one.ok for _, one in found)
        print_json({"ok": ok, "cooperatives": [_json(*one) for one in found]})
    else:
        for cooperative, one in found:
            _say(cooperative, one)
    if not all(one.ok for _, one in found):
        raise typer.Exit(FINDINGS)


async def _verify_all(house: House, slug: str | None) -> Found:
    every = await house.cooperatives()
    if slug is not None or not every:
        every = [await house.cooperative(slug)]
    found = []
    with progress() as step:
        for cooperative in every:
            async with house.database.snapshot(cooperative.id) as connection:

                def note(stage: str, done: int, of: int, slug: str = cooperative.slug) -> None:
                    step(f"{slug}: {stage}", done, of)

                one = await verify_books(connection, note)
                await verify_bills(connection, one, note)
                found.append((cooperative, one))
    return found


def _say(cooperative: Cooperative, one: Verification) -> None:
    for finding in one.findings:
        print_error(
            f"{finding.code} at {finding.where}: expected {finding.expected}, found {finding.found}"
        )
    verdict = "ok" if one.ok else f"{one.count} findings"
    typer.echo(
        f"{cooperative.slug}: {verdict}. {one.entries} entries ({one.unsealed} not sealed yet), "
        f"{one.postings} postings, {one.seals} seals."
    )
    if one.head is not None:
        typer.echo(f"Head of the chain: {one.head.hex()}")


def _json(cooperative: Cooperative, one: Verification) -> dict[str, Any]:
    broken = one.first_broken_link
    return {
        "cooperative": cooperative.slug, "ok": one.ok, "entries": one.entries,
        "sealed": one.sealed, "unsealed": one.unsealed, "postings": one.postings,
        "seals": one.seals, "head": None if one.head is None else one.head.hex(),
        "finding_count": one.count,
        "first_broken_link": None if broken is None else _finding(broken),
        "findings": [_finding(finding) for finding in one.findings],
    }  # fmt: skip


def _finding(finding: Any) -> dict[str, str]:
    return {
        "code": finding.code, "where": finding.where,
        "expected": finding.expected, "found": finding.found,
    }  # fmt: skip


def _verify_document(path: Path, as_json: bool) -> None:
    pdf = path.read_bytes()
    findings = document_twin_findings(pdf)
    # A file without readable figures has one fault, not the same one twice.
    codes = {finding.code for finding in findings}
    findings += [one for one in document_proof_findings(pdf) if one.code not in codes]
    listed = [{"code": finding.code, "message": finding.message} for finding in findings]
    withheld = 0 if findings else said_in(pdf).withheld_entries
    if as_json:
        found = {"document": path, "ok": not findings, "findings": listed, "withheld": withheld}
        print_json(found)
    else:
        for finding in findings:
            print_error(f"{finding.code}: {finding.message}")
        typer.echo(f"{path.name}: {'ok' if not findings else f'{len(findings)} findings'}.")
        if withheld:
            typer.echo(f"{withheld} lines stand by their hash alone; their entries are withheld.")
    if findings:
        raise typer.Exit(FINDINGS)
