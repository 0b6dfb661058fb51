"""Whatever a forger with our own program changes in an issued statement, its proofs tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pikepdf
import pytest

from coop.db.engine import Database
from coop.ledger.domain.canonical import content_hash
from coop.ledger.domain.merkle import inclusion_proof, merkle_levels
from coop.reports.statement import Inclusion, MemberStatement
from coop.reports.statement_pdf import draw_statement, read_twin
from coop.reports.twin import to_json_twin
from coop.reports.verify_document import (
    document_proof_findings,
    document_twin_findings,
    statement_in,
)
from tests.reports.town import Grid, grid, october

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Grid:
    """A cooperative of this test's own."""
    return await grid(database, tmp_path / "documents")


@pytest.fixture
async def issued(place: Grid) -> MemberStatement:
    """Ada's October, as issued."""
    await october(place)
    return statement_in(place.file(await place.issue(place.ada)))


def _forged(said: MemberStatement, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file drawn anew, by our own program, from figures that were changed."""
    pdf = draw_statement(said)
    twin = read_twin(pdf)
    change(twin)
    with pikepdf.open(BytesIO(pdf)) as opened:
        opened.Root.AF[0].EF.F.write(orjson.dumps(twin))
        target = BytesIO()
        opened.save(target)
    return target.getvalue()


def _codes(pdf: bytes) -> list[str]:
    return [finding.code for finding in document_proof_findings(pdf)]


async def test_an_issued_statement_proves_itself(issued: MemberStatement) -> None:
    pdf = draw_statement(issued)
    assert (document_twin_findings(pdf), document_proof_findings(pdf)) == ([], [])


async def test_a_figure_changed_on_every_page_is_still_found(issued: MemberStatement) -> None:
    """A forger with our program: lines, totals and drawing agree, the entry does not."""
    cheaper = [replace(issued.entries[0], debit_minor=890, due_minor=2_090)]
    cheaper += [replace(e, due_minor=e.due_minor - 3_000) for e in issued.entries[1:]]
    shrunk = replace(
        issued.journal[0],
        postings=tuple(
            replace(p, amount_minor={3_890: 890, -3_890: -890}.get(p.amount_minor, p.amount_minor))
            for p in issued.journal[0].postings
        ),
    )
    forged = replace(
        issued, closing_minor=5_065, entries=tuple(cheaper),
        journal=(shrunk, *issued.journal[1:]),
    )  # fmt: skip

    assert document_twin_findings(draw_statement(forged)) == []
    assert _codes(draw_statement(forged)) == ["FACTS_ALTERED"]


async def test_a_memo_changed_everywhere_is_found(issued: MemberStatement) -> None:
    forged = replace(
        issued,
        entries=(replace(issued.entries[0], memo="Gift"), *issued.entries[1:]),
        journal=(replace(issued.journal[0], memo="Gift"), *issued.journal[1:]),
    )
    assert _codes(draw_statement(forged)) == ["FACTS_ALTERED"]


async def test_a_hash_made_to_fit_changed_facts_is_in_no_seal(issued: MemberStatement) -> None:
    stored = replace(issued.journal[0], memo="Gift")
    line = replace(issued.entries[0], memo="Gift", content_hash=content_hash(stored).hex())
    forged = replace(
        issued, entries=(line, *issued.entries[1:]), journal=(stored, *issued.journal[1:])
    )
    assert _codes(draw_statement(forged)) == ["PROOF_BROKEN"]


async def test_a_seal_made_to_fit_is_not_the_one_of_the_chain(issued: MemberStatement) -> None:
    stored = replace(issued.journal[0], memo="Gift")
    levels = merkle_levels([content_hash(stored)])
    line = replace(
        issued.entries[0], memo="Gift", content_hash=content_hash(stored).hex(),
        inclusion=Inclusion(1, 0, tuple(step.hex() for step in inclusion_proof(levels, 0))),
    )  # fmt: skip
    seal = replace(issued.seals[0], root=levels[-1][0].hex())
    forged = replace(
        issued, entries=(line, *issued.entries[1:]), journal=(stored, *issued.journal[1:]),
        seals=(seal,),
    )  # fmt: skip
    assert "SEAL_BROKEN" in _codes(draw_statement(forged))


async def test_another_members_entry_is_not_a_line_of_this_one(
    place: Grid, issued: MemberStatement
) -> None:
    theirs = to_json_twin(statement_in(place.file(await place.issue(place.bo))))

    def graft(twin: dict[str, Any]) -> None:
        line = {**theirs["entries"][0], "due": "39.23"}
        assert line["debit"] == "27.23"
        twin["entries"] = [line]
        twin["journal"] = theirs["journal"]
        twin["due"].update(charges="27.23", payments="0.00", closing="39.23")
        twin["energy"] = theirs["energy"]
        twin["sealed_entries"] = twin["entry_count"] = 1

    assert _codes(_forged(issued, graft)) == ["TWIN_MALFORMED"]


async def test_a_dropped_line_leaves_its_sum(issued: MemberStatement) -> None:
    assert _codes(_forged(issued, lambda twin: twin["entries"].pop())) == ["TWIN_MALFORMED"]
