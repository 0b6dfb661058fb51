"""A cooperative whose members have commitments, and short ways of living through months."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from coop.billing import commitments as service
from coop.billing import settling
from coop.billing.commitments import PledgeDraft
from coop.billing.domain.commitment import month_after
from coop.billing.domain.settlement import State, state_after
from coop.billing.queries import settlements as settlement_queries
from coop.billing.queries.commitments import Commitment
from coop.billing.queries.settlements import StoredSettlement
from coop.billing.settling import Progress
from coop.billing.standing import standing_of
from coop.charging import service as charging
from coop.charging.domain.interruption import Cause
from coop.charging.domain.place import HoldingDraft, Hub, PortDraft
from coop.charging.interruptions import InterruptionDraft, record_interruption
from coop.db.engine import Database
from coop.kernel.ids import MemberId
from coop.members.domain.people import Member
from coop.members.domain.roles import Viewer
from tests.billing.books import Books
from tests.billing.domain.months import month, terms
from tests.charging.domain.sample import cdr
from tests.charging.yard import open_yard
from tests.members.people import system

SESSION_WH_MAX = 900_000


@dataclass(frozen=True)
class Pledges(Books):
    """Members with a badge of their own number; sessions of any size in any month of 2026."""

    _numbers: Any = field(default_factory=lambda: count(1))

    async def charger(self, number: str = "anna") -> Member:
        """A member with a badge."""
        member = await self.member(number)
        draft = HoldingDraft(number, MemberId(member.id), date(2025, 1, 1))
        await self.order(charging.register_tokens, [draft])
        return member

    async def ports(self, hub: Hub, *refs: str) -> list[UUID]:
        made = await self.order(charging.register_ports, [PortDraft(hub.id, ref) for ref in refs])
        return [made[hub.id, ref.upper()].id for ref in refs]

    async def took(self, number: str, when: str, kwh: int | str, hub: str = "H1") -> list[str]:
        """So much charged by a member in a month; the ids of the sessions."""
        left, ids = int(Decimal(kwh) * 1000), []
        start = datetime.fromisoformat(f"{when}-02T06:00:00+00:00")
        while left:
            wh = min(left, SESSION_WH_MAX)
            left -= wh
            ids.append(f"s-{next(self._numbers)}")
            begin = start + timedelta(days=len(ids))
            await self._one_session(ids[-1], number, begin, wh, hub)
        return ids

    async def _one_session(self, id_: str, uid: str, begin: datetime, wh: int, hub: str) -> None:
        energy = Decimal(wh) / 1000
        outcome = await self.read_cdrs(
            cdr(
                id=id_,
                currency="NOK",
                start_date_time=begin.isoformat(),
                end_date_time=(begin + timedelta(hours=10)).isoformat(),
                cdr_token={"uid": uid},
                cdr_location={"id": hub, "evse_uid": "p1"},
                charging_periods=[
                    {
                        "start_date_time": begin.isoformat(),
                        "dimensions": [{"type": "ENERGY", "volume": energy}],
                    }
                ],
                total_energy=energy,
                total_time=Decimal(10),
                total_cost={"excl_vat": Decimal(0)},
                last_updated=(begin + timedelta(hours=11)).isoformat(),
            )
        )
        assert outcome.counts.accepted == 1, await self.refusals(outcome)

    async def credited(self, id_: str, at: str = "2026-11-01T08:00:00+00:00") -> None:
        """The platform takes a session back."""
        (stored,) = [one for one in await self.sessions() if one.session_id == id_.upper()]
        energy = Decimal(stored.delivered_wh) / 1000
        outcome = await self.read_cdrs(
            cdr(
                id=f"{id_}-C",
                credit=True,
                credit_reference_id=id_,
                currency="NOK",
                start_date_time=stored.started_at.isoformat(),
                end_date_time=stored.ended_at.isoformat(),
                cdr_token={"uid": stored.token_uid},
                cdr_location={"id": "H1", "evse_uid": "p1"},
                charging_periods=[
                    {
                        "start_date_time": stored.started_at.isoformat(),
                        "dimensions": [{"type": "ENERGY", "volume": energy}],
                    }
                ],
                total_energy=energy,
                total_time=Decimal(10),
                total_cost={"excl_vat": Decimal(0)},
                last_updated=at,
            )
        )
        assert outcome.counts.accepted == 1, await self.refusals(outcome)

    async def down(
        self, hub: Hub, from_at: datetime, to_at: datetime | None, cause: str, port: Any = None
    ) -> None:
        """Something interrupted a hub, or one port of it."""
        draft = InterruptionDraft(hub.id, from_at, Cause(cause), port, to_at)
        await self.order(record_interruption, draft)

    async def pledge(
        self,
        member: Member,
        *hubs: Hub,
        by: Viewer | None = None,
        resolution: str | None = None,
        **changes: Any,
    ) -> Commitment:
        draft = PledgeDraft(
            MemberId(member.id), tuple(hub.id for hub in hubs), terms(**changes), resolution
        )
        made: Commitment = await self.order(service.pledge, draft, by=by)
        return made

    async def settle(self, *months: str, **named: Any) -> Progress:
        """Settle months, one after another; how far the last one came."""
        for when in months:
            done = await settling.settle_month(
                self.database, named.pop("by", system()), self.id, month(when), **named
            )
        return done

    async def adjust(self, when: str, on: str | None = None, **named: Any) -> Progress:
        day = None if on is None else date.fromisoformat(on)
        return await settling.adjust_month(
            self.database, system(), self.id, month(when), effective_on=day, **named
        )

    async def settlements(self, commitment: Commitment) -> list[StoredSettlement]:
        found = await self.ask(settlement_queries.settlements_of, [commitment.id])
        return list(found.get(commitment.id, []))

    async def state(self, commitment: Commitment) -> State:
        found = await self.ask(standing_of, [commitment.id])
        return state_after(one for several in found[commitment.id].values() for one in several)

    async def held(self, *codes: str) -> dict[str, int]:
        """What these accounts hold, debit positive; what holds nothing is left out."""
        return {
            name: net
            for name, net in (await self.balances()).items()
            if net and name.split()[0] in codes
        }

    async def sound(self) -> None:
        """2420 is the money of open credits, and 9200 is due, met or paid for, of every member."""
        rows = await self.sql("SELECT coalesce(sum(m.amount_minor), 0) FROM make_up_movement m")
        held = await self.balances()

        def of(code: str) -> int:
            return sum(net for name, net in held.items() if name.split()[0] == code)

        assert of("2420") == -int(rows[0][0])
        assert -of("9200") == of("9210") + of("9220") + of("9230")
        assert min(of("9210"), of("9220"), of("9230"), -of("9200")) >= 0


async def open_pledges(database: Database, **named: Any) -> Pledges:
    yard = await open_yard(database, **named)
    return Pledges(yard.town, yard.database)


def noon(text: str) -> datetime:
    """Noon UTC on a day."""
    return datetime.fromisoformat(f"{text}T12:00:00").replace(tzinfo=UTC)


def last_day(when: str) -> date:
    return month_after(month(when)) - timedelta(days=1)
