"""Names, addresses and terms of a statement are those of the profiles on its day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from coop.db.engine import Database
from coop.members import profiles
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile
from coop.reports.statement_pdf import draw_statement
from coop.reports.verify_document import document_twin_findings, page_texts, statement_in
from tests.reports.town import Grid, grid, october

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> Grid:
    """A cooperative of this test's own."""
    return await grid(database, tmp_path / "documents")


async def _profiled(place: Grid) -> None:
    ours = CooperativeProfile(
        "Nor Samvirke SA", Address(("Kaia 1",), "7010", "Trondheim", "NO"),
        vat_id="NO974760673MVA", email="post@nor.example", payment_days=30, dispute_days=45,
    )  # fmt: skip
    theirs = MemberProfile("Bo Transport GmbH", Address(("Am Kai 7",), "20457", "Hamburg", "DE"))
    start = date(2026, 1, 1)
    await place.town.order(profiles.set_cooperative_profile, start, ours)
    await place.town.order(profiles.set_member_profile, place.bo.id, start, theirs)


async def test_profiles_of_the_day_are_on_the_statement(place: Grid) -> None:
    await october(place)
    before = await place.issue(place.ada)
    await _profiled(place)
    issued = await place.issue(place.ada)
    # The same figures are the same statement: another letterhead does not supersede it.
    assert issued.statement == before.statement

    said = statement_in(place.file(await place.issue(place.bo)))
    assert said.cooperative.address == ("Kaia 1", "7010 Trondheim", "NO974760673MVA")
    assert (said.cooperative.name, said.cooperative.contact) == (
        "Nor Samvirke SA",
        "post@nor.example",
    )
    assert said.member.address == ("Am Kai 7", "20457 Hamburg", "DE")
    assert said.member.name == "Bo Transport GmbH"
    assert said.dispute_by is not None
    assert (said.dispute_by - said.issued_on).days == 45
    assert said.due_on is not None
    assert (said.due_on - said.issued_on).days == 30
    pdf = draw_statement(said)
    assert document_twin_findings(pdf) == []
    assert "Kaia 1 · 7010 Trondheim · NO974760673MVA" in page_texts(pdf)[0]
