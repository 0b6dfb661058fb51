"""An invoice says all it must and adds up, or there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest

from coop.charging.domain.tariff import Tax
from coop.reports.errors import InvoiceIncomplete, InvoiceInconsistent, TwinMalformed
from coop.reports.invoice import InvoiceDocument
from coop.reports.invoice_twin import from_json_twin, to_json_twin
from coop.reports.twin import twin_bytes
from coop.reports.vat import category_of, mentions
from tests.reports.invoice_sample import (
    ACCOUNTS,
    BUYER,
    SELLER,
    VAT,
    credit_note,
    invoice,
    item,
)

WHOLE = invoice(12)
EXEMPT = replace(SELLER, exemption="Exempt, § 3-1")


@pytest.mark.parametrize("document", [WHOLE, invoice(1), credit_note()], ids=["12", "1", "credit"])
def test_sums_are_those_of_the_parts(document: InvoiceDocument) -> None:
    assert document.net_minor == sum(line.net_minor for line in document.lines)
    assert document.gross_minor == document.net_minor + sum(tax.tax_minor for tax in document.taxes)


def _first(document: InvoiceDocument, **changes: Any) -> dict[str, Any]:
    return {"lines": (replace(document.lines[0], **changes), *document.lines[1:])}


def _session(document: InvoiceDocument, **changes: Any) -> dict[str, Any]:
    return {"sessions": (replace(document.sessions[0], **changes), *document.sessions[1:])}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"net_minor": WHOLE.net_minor + 1}, ("net",)),
        ({"tax_minor": WHOLE.tax_minor + 1}, ("tax",)),
        ({"gross_minor": WHOLE.gross_minor + 1}, ("gross",)),
        ({"lines": ()}, ("lines",)),
        ({"kind": "bill"}, ("kind",)),
        ({"kind": "credit_note"}, ("gross",)),
        ({"to_on": WHOLE.from_on}, ("period",)),
        ({"due_on": date(2026, 11, 1)}, ("due_on",)),
        ({"taxes": ()}, ("tax",)),
        ({"taxes": (*WHOLE.taxes, replace(WHOLE.taxes[0], tax_minor=0))}, ("taxes",)),
        ({"taxes": (replace(WHOLE.taxes[0], name="MVA"),)}, ("taxes",)),
        ({"taxes": (replace(WHOLE.taxes[0], base_minor=1),)}, ("taxes", "0")),
        (_first(WHOLE, net_minor=1), ("net",)),
        (_first(WHOLE, tax=Decimal(9)), ("taxes", "0")),
        (_first(WHOLE, sessions=3), ("lines", "0")),
        (_session(WHOLE, net_minor=1), ("sessions", "0")),
        (_session(WHOLE, parts=()), ("sessions", "0")),
        ({"sessions": WHOLE.sessions[1:]}, ("lines", "0")),
        ({"proofs": WHOLE.proofs[1:]}, ("proofs",)),
        ({"proofs": (*WHOLE.proofs, WHOLE.proofs[0])}, ("proofs",)),
        ({"seals": ()}, ("proofs", "0")),
        ({"entry_id": None}, ("proofs",)),
        ({"accounts": ACCOUNTS[:1]}, ("journal",)),
        ({"corrects": credit_note().corrects}, ("corrects",)),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_refused(changes: dict[str, Any], path: tuple[str, ...]) -> None:
    with pytest.raises(InvoiceInconsistent) as refused:
        replace(WHOLE, **changes)
    assert refused.value.path == path


def test_an_entry_that_moves_something_else_is_refused() -> None:
    other = replace(
        WHOLE.journal[1],
        postings=tuple(
            replace(one, amount_minor=one.amount_minor * 2) for one in WHOLE.journal[1].postings
        ),
    )
    with pytest.raises(InvoiceInconsistent, match="moves something else"):
        replace(WHOLE, journal=(WHOLE.journal[0], other, *WHOLE.journal[2:]))


def test_an_entry_may_be_withheld_and_is_then_counted() -> None:
    some = replace(WHOLE, journal=WHOLE.journal[:3])
    assert (some.withheld_entries, some.sealed_entries) == (10, 12)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"seller": replace(SELLER, party=replace(SELLER.party, vat_id=None))}, ("cooperative.vat_id",)),
        ({"seller": replace(SELLER, party=replace(SELLER.party, lines=(), city=""))}, ("cooperative.address", "cooperative.city")),
        ({"buyer": replace(BUYER, party=replace(BUYER.party, name="", country=""))}, ("member.legal_name", "member.country")),
        ({"buyer": replace(BUYER, party=replace(BUYER.party, postal_code=""))}, ("member.postal_code",)),
    ],
)  # fmt: skip
def test_what_a_profile_lacks_is_named(changes: dict[str, Any], missing: tuple[str, ...]) -> None:
    with pytest.raises(InvoiceIncomplete) as refused:
        invoice(2, **changes)
    assert refused.value.path == missing
    assert all(name in refused.value.message for name in missing)


def test_who_charges_no_tax_says_why() -> None:
    with pytest.raises(InvoiceIncomplete) as refused:
        invoice(2, ())
    assert refused.value.path == ("cooperative.exemption",)
    assert mentions(invoice(2, (), seller=EXEMPT).lines, EXEMPT) == ["Exempt, § 3-1"]


def test_a_reverse_charge_needs_both_numbers_and_says_so() -> None:
    taxes = (Tax("Reverse charge", Decimal(0)),)
    assert mentions(invoice(2, taxes).lines, SELLER) == ["Reverse charge"]
    with pytest.raises(InvoiceIncomplete) as refused:
        invoice(2, taxes, buyer=replace(BUYER, party=replace(BUYER.party, vat_id=None)))
    assert refused.value.path == ("member.vat_id",)


@pytest.mark.parametrize(
    ("taxes", "vat_id", "code"),
    [
        (VAT, "NO974760673MVA", "S"),
        ((Tax("VAT", Decimal(0)),), "NO974760673MVA", "Z"),
        ((Tax("VAT", Decimal(0)),), None, "O"),
        ((Tax("REVERSE CHARGE", Decimal(0)),), "NO974760673MVA", "AE"),
        ((), "NO974760673MVA", "E"),
        ((), None, "O"),
        ((*VAT, Tax("City", Decimal(1))), "NO974760673MVA", None),
    ],
)
def test_categories_of_the_norm(
    taxes: tuple[Tax, ...], vat_id: str | None, code: str | None
) -> None:
    seller = replace(EXEMPT, party=replace(EXEMPT.party, vat_id=vat_id))
    found = category_of(item(1, "Fee", 100, taxes), seller)
    assert (found.code if found else None) == code


def test_a_tax_without_a_name_has_no_category() -> None:
    assert category_of(item(1, "Fee", 100, (), tax=Decimal("0.2")), SELLER) is None


# The twin


@pytest.mark.parametrize(
    "document",
    [
        WHOLE, credit_note(),
        invoice(4, (*VAT, Tax("City tax", Decimal("0.75"))), (item(8, "Fee", -50, ()),), seller=EXEMPT),
    ],
    ids=["12", "credit", "mixed"],
)  # fmt: skip
def test_the_twin_is_the_document(document: InvoiceDocument) -> None:
    written = twin_bytes(to_json_twin(document))
    assert from_json_twin(orjson.loads(written)) == document


def test_the_twin_writes_amounts_as_exact_text() -> None:
    twin = to_json_twin(WHOLE)
    assert (twin["net"], twin["tax"], twin["gross"]) == ("122.54", "30.64", "153.18")
    assert twin["sessions"][0]["energy_kwh"] == "11.000"
    assert twin["lines"][0]["taxes"] == [{"name": "VAT", "percent": "25"}]
    assert twin["issued_on"] == "2026-11-02"
    assert twin["drawn_at"] == "2026-11-02T08:15:00Z"


@pytest.mark.parametrize(
    "change",
    [
        lambda twin: twin.update(gross="1.00"),
        lambda twin: twin.update(gross="153.180"),
        lambda twin: twin.pop("reference"),
        lambda twin: twin.update(extra=1),
        lambda twin: twin["lines"].pop(),
        lambda twin: twin["lines"][0].update(quantity="NaN"),
        lambda twin: twin["lines"][0].update(number="1"),
        lambda twin: twin["journal"].pop(0),
        lambda twin: twin.update(sessions=None),
        lambda twin: twin["seller"].update(currency="euro"),
    ],
    ids=range(10),
)
def test_a_twin_that_is_not_ours_is_refused(change: Any) -> None:
    twin = orjson.loads(twin_bytes(to_json_twin(WHOLE)))
    change(twin)
    if twin["journal"] and len(twin["journal"]) < len(WHOLE.journal):
        twin["entry_id"] = None
    with pytest.raises(TwinMalformed):
        from_json_twin(twin)
