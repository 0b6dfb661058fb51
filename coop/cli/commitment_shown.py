"""What the command line shows of commitments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from coop.billing.domain.deferred import RollForward, Split
from coop.billing.domain.settlement import MovementKind
from coop.billing.domain.taxes import taxes_json
from coop.billing.queries import commitments as queries
from coop.billing.queries import settlements as settlement_queries
from coop.billing.queries.commitments import Commitment, StoredTerms
from coop.billing.queries.settlements import StoredCredit, StoredSettlement
from coop.charging import queries as charging
from coop.cli.running import House
from coop.cli.showing import amount_text, print_table
from coop.kernel.energy import kwh_of_wh
from coop.kernel.money import currency_scale
from coop.members import queries as member_queries
from coop.members.domain.people import Cooperative, Member


@dataclass(frozen=True, slots=True)
class Shown:
    """A commitment with everything that is known of it."""

    commitment: Commitment
    member: Member
    hubs: list[str]
    settlements: list[StoredSettlement]
    credits: list[StoredCredit]
    banked_wh: int
    deposit_minor: int
    currency: str

    @property
    def row(self) -> tuple[object, ...]:
        """Its line in a list."""
        one = self.commitment
        last = max((settled.month for settled in self.settlements), default=None)
        return (
            one.id, self.member.number, " ".join(self.hubs), f"{one.from_on:%Y-%m}",
            f"{one.to_on:%Y-%m}", kwh_of_wh(one.versions[-1].terms.minimum_wh),
            None if last is None else f"{last:%Y-%m}",
            kwh_of_wh(sum(credit.credit.open_wh for credit in self.credits)),
            kwh_of_wh(self.banked_wh),
        )  # fmt: skip


async def shown_of(house: House, cooperative: Cooperative, ids: Sequence[UUID]) -> list[Shown]:
    """Those of the commitments that exist, the first begun first."""
    async with house.database.snapshot(cooperative.id) as connection:
        found = (await queries.commitments_by_ids(connection, ids)).values()
        members = await member_queries.members_by_ids(
            connection, cooperative.id, {one.member_id for one in found}
        )
        hubs = await charging.hubs_by_ids(connection, {hub for one in found for hub in one.hub_ids})
        settled = await settlement_queries.settlements_of(connection, ids)
        credits_ = await settlement_queries.credits_of(connection, ids)
        banked = await settlement_queries.banked_wh_of(connection, ids)
        deposits = await queries.deposits_held(connection, ids)
    return [
        Shown(
            one, members[one.member_id], sorted(hubs[hub].ref for hub in one.hub_ids),
            settled.get(one.id, []), credits_.get(one.id, []), banked.get(one.id, 0),
            deposits.get(one.id, 0), cooperative.currency,
        )
        for one in sorted(found, key=lambda one: (one.from_on, one.id))
    ]  # fmt: skip


def shown_json(shown: Shown) -> dict[str, Any]:
    """A commitment as scripts read it."""
    one, scale = shown.commitment, currency_scale(shown.currency)
    return {
        "id": one.id, "member": shown.member.number, "hubs": shown.hubs, "from": one.from_on,
        "to": one.to_on, "currency": shown.currency,
        "terms": [_terms_json(version, scale) for version in one.versions],
        "settlements": [_settlement_json(settled, scale) for settled in shown.settlements],
        "make_up_credits": [_credit_json(credit, scale) for credit in shown.credits],
        "banked_kwh": kwh_of_wh(shown.banked_wh),
        "deposit": amount_text(shown.deposit_minor, scale),
    }  # fmt: skip


def _terms_json(version: StoredTerms, scale: int) -> dict[str, Any]:
    terms = version.terms
    return {
        "version": version.version, "from": terms.from_on, "to": terms.to_on,
        "minimum_kwh": kwh_of_wh(terms.minimum_wh), "ramp": list(terms.ramp),
        "shortfall_price": terms.shortfall_per_kwh, "overage_price": terms.overage_per_kwh,
        "make_up_months": terms.make_up_months, "bank_cap_kwh": kwh_of_wh(terms.bank_cap_wh),
        "outage_relief": terms.outage_relief, "deposit": amount_text(terms.deposit_minor, scale),
        "taxes": taxes_json(terms.taxes), "resolution": version.resolution,
        "pledged_kwh": kwh_of_wh(version.pledged_wh),
    }  # fmt: skip


def _settlement_json(one: StoredSettlement, scale: int) -> dict[str, Any]:
    settled, figures = one.settlement, one.settlement.figures
    energy = {
        name.replace("_wh", "_kwh"): kwh_of_wh(getattr(figures, name))
        for name in figures.__slots__
        if name.endswith("_wh")
    }
    return {
        "number": one.number, "month": f"{one.month:%Y-%m}", "effective_on": one.effective_on,
        "adjusts": one.adjusts_id, "terms_version": one.terms_version, **energy,
        "made_up_kwh": kwh_of_wh(-settled.moved_wh(MovementKind.USED)),
        "shortfall": amount_text(figures.shortfall_minor, scale),
        "overage": amount_text(figures.overage_minor, scale),
        "make_up": [
            {
                "kind": line.kind.value, "of": f"{line.issued_on:%Y-%m}", "kwh": kwh_of_wh(line.wh),
                "amount": amount_text(line.minor, scale),
            }
            for line in settled.movements
        ],
        "entry": one.entry_id, "inputs_sha256": bytes(one.inputs_sha256).hex(),
    }  # fmt: skip


def _credit_json(one: StoredCredit, scale: int) -> dict[str, Any]:
    credit = one.credit
    return {
        "of": f"{credit.issued_on:%Y-%m}", "expires_on": credit.expires_on, "price": one.per_kwh,
        "issued_kwh": kwh_of_wh(credit.issued_wh), "open_kwh": kwh_of_wh(credit.open_wh),
        "paid": amount_text(credit.issued_minor, scale),
        "owed": amount_text(credit.open_minor, scale),
    }  # fmt: skip


def deferred_json(found: RollForward, currency: str) -> dict[str, Any]:
    """A roll-forward as scripts read it: what left noncurrent entered current."""
    scale = currency_scale(currency)

    def column(name: str, reclassified: int) -> dict[str, str]:
        def of(split: Split) -> str:
            return amount_text(getattr(split, name), scale)

        return {
            "opening": of(found.opening), "additions": of(found.additions),
            "reclassified": amount_text(reclassified, scale),
            "recognised": of(found.recognised), "closing": of(found.closing),
        }  # fmt: skip

    return {
        "currency": currency,
        "current": column("current", found.reclassified),
        "noncurrent": column("noncurrent", -found.reclassified),
    }


def print_shown(shown: Shown) -> None:
    """A commitment as tables."""
    one = shown.commitment
    told = shown_json(shown)
    print_table(
        f"{shown.member.number} {shown.member.name} at {' '.join(shown.hubs)}, "
        f"{one.from_on:%Y-%m} to {one.to_on:%Y-%m} ({one.id})",
        ("terms", "from", "kWh/month", "shortfall", "overage", "make up", "bank cap"),
        [
            (
                terms["version"], terms["from"], terms["minimum_kwh"], terms["shortfall_price"],
                terms["overage_price"], f"{terms['make_up_months']} months", terms["bank_cap_kwh"],
            )
            for terms in told["terms"]
        ],
        right=5,
    )  # fmt: skip
    names = ("metered", "excused", "minimum", "bank_used", "shortfall", "made_up", "banked")
    print_table(
        "Settlements",
        ("month", "", *(name.replace("_", " ") for name in names), "overage", shown.currency),
        [
            (
                line["month"], "adjusting" if line["adjusts"] else "",
                *(line[f"{name}_kwh"] for name in names), line["overage_kwh"], line["shortfall"],
            )
            for line in told["settlements"]
        ],
        right=9,
    )  # fmt: skip
    print_table(
        f"Make-up credits; banked {told['banked_kwh']} kWh; deposit {told['deposit']}",
        ("of", "expires", "issued kWh", "open kWh", f"owed {shown.currency}"),
        [
            (line["of"], line["expires_on"], line["issued_kwh"], line["open_kwh"], line["owed"])
            for line in told["make_up_credits"]
        ],
        right=3,
    )
