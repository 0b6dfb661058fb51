"""The books as a whole: trial balance, financial statements, periods and their closing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry

from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.rate import from_scale
from coop.ledger import closing
from coop.ledger import queries as ledger
from coop.ledger.domain import balance, period, statements
from coop.ledger.domain.account import AccountType
from coop.members.domain.policy import Action, require
from coop.schema.amounts import AS_OF
from coop.schema.context import Context, Info, Reader
from coop.schema.node import Node, found_by
from coop.schema.node_id import NodeId, node_id_of_type
from coop.schema.scalars import IdempotencyKey
from coop.schema.user_error import Payload, refusals_as

strawberry.enum(
    period.PeriodState,
    name="PeriodState",
    description="Where a period stands; only OPEN takes postings.",
)


@strawberry.type(description="One account in one fund, as the trial balance lists it.")
class TrialBalanceRow:
    """One account in one fund, as the trial balance lists it."""

    account_id: strawberry.ID = strawberry.field(description="The account.")
    code: str = strawberry.field(description="Its code in the chart of accounts.")
    name: str = strawberry.field(description="Its name in the chart of accounts.")
    fund: str = strawberry.field(description="The code of the fund.")
    commodity: str = strawberry.field(description="A currency, or kWh.")
    debit: Decimal = strawberry.field(description="Sum of the debits.")
    credit: Decimal = strawberry.field(description="Sum of the credits.")
    amount: Decimal = strawberry.field(description="On the account's normal side.")


@strawberry.type(description="Debits and credits of one commodity over all accounts: always equal.")
class CommodityTotal:
    """Debits and credits of one commodity over all accounts: always equal."""

    commodity: str = strawberry.field(description="A currency, or kWh.")
    debit: Decimal = strawberry.field(description="Sum of all debits.")
    credit: Decimal = strawberry.field(description="Sum of all credits.")


@strawberry.type(description="Every account with what it holds; debits equal credits.")
class TrialBalance:
    """Every account with what it holds; debits equal credits in every commodity and fund."""

    as_of: date = strawberry.field(description=AS_OF)
    known_at: datetime = strawberry.field(description="The last instant of recording that counts.")
    rows: list[TrialBalanceRow] = strawberry.field(description="By code, name and fund.")
    totals: list[CommodityTotal] = strawberry.field(description="By commodity.")


@strawberry.type(description="One line of a financial statement.")
class FinancialStatementLine:
    """One line of a financial statement: all accounts of one code, or a derived figure."""

    code: str | None = strawberry.field(description="The accounts' code; null for a derived line.")
    name: str = strawberry.field(description="What it is.")
    amount: Decimal = strawberry.field(description="Positive on the side its section reads on.")


@strawberry.type(description="The lines of one kind in one commodity, and their total.")
class FinancialStatementSection:
    """The lines of one kind in one commodity, and their total."""

    type: AccountType = strawberry.field(description="What kind of accounts these are.")
    title: str = strawberry.field(description="Its heading.")
    commodity: str = strawberry.field(description="A currency, or kWh.")
    lines: list[FinancialStatementLine] = strawberry.field(description="By code.")
    total: Decimal = strawberry.field(description="Their sum.")


@strawberry.type(description="A balance sheet or an income statement.")
class FinancialStatement:
    """A balance sheet or an income statement."""

    title: str = strawberry.field(description="Which of the two.")
    from_: date | None = strawberry.field(
        name="from", description="First day that counts; null for a balance sheet."
    )
    as_of: date = strawberry.field(description=AS_OF)
    known_at: datetime = strawberry.field(description="The last instant of recording that counts.")
    sections: list[FinancialStatementSection] = strawberry.field(description="In reading order.")
    results: list[FinancialStatementLine] = strawberry.field(
        description="Revenue less expenses, one line a currency."
    )
    energy: list[FinancialStatementSection] = strawberry.field(
        description="Memorandum accounts: energy beside the money, never added to it."
    )


async def trial_balance(
    context: Context,
    cooperative_id: UUID,
    as_of: date | None,
    known_at: datetime | None,
    fund_id: str | None,
) -> TrialBalance | None:
    """The trial balance, or None when it is not the viewer's to read."""
    if not context.extent(Action.BOOKS_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    scales = await reader.scales()
    day, at = _moment(context, cooperative_id, as_of, known_at)
    sums = await _sums(reader, fund_id, until=day, known_at=known_at)
    found = balance.trial_balance(sums, day, at)
    rows = [
        TrialBalanceRow(
            account_id=strawberry.ID(str(NodeId("Account", cooperative_id, line.account_id))),
            code=line.code,
            name=line.name,
            fund=line.fund,
            commodity=line.commodity,
            debit=from_scale(line.debit_minor, scales[line.commodity]),
            credit=from_scale(line.credit_minor, scales[line.commodity]),
            amount=from_scale(line.amount_minor, scales[line.commodity]),
        )
        for line in found.lines
    ]
    totals = [
        CommodityTotal(
            commodity=total.commodity,
            debit=from_scale(total.debit_minor, scales[total.commodity]),
            credit=from_scale(total.credit_minor, scales[total.commodity]),
        )
        for total in found.totals
    ]
    return TrialBalance(as_of=found.as_of, known_at=found.known_at, rows=rows, totals=totals)


async def balance_sheet(
    context: Context,
    cooperative_id: UUID,
    as_of: date | None,
    known_at: datetime | None,
    fund_id: str | None,
) -> FinancialStatement | None:
    """The balance sheet, or None when it is not the viewer's to read."""
    if not context.extent(Action.BOOKS_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    day, at = _moment(context, cooperative_id, as_of, known_at)
    sums = await _sums(reader, fund_id, until=day, known_at=known_at)
    return await _shown(reader, statements.balance_sheet(sums, day, at))


async def income_statement(
    context: Context,
    cooperative_id: UUID,
    days: tuple[date | None, date | None],
    known_at: datetime | None,
    hub_id: str | None,
    fund_id: str | None,
) -> FinancialStatement | None:
    """The income statement of these days, or None when it is not the viewer's to read."""
    if not context.extent(Action.BOOKS_READ, cooperative_id).everything:
        return None
    reader = await context.reader(cooperative_id)
    hub = None if hub_id is None else node_id_of_type(hub_id, "Hub", "hubId").id
    first, until = days[0] or date.min, days[1]
    if until == date.min:
        raise InvalidValue("No day comes before that one.", ("period", "to"))
    last = None if until is None else until - timedelta(days=1)
    day, at = _moment(context, cooperative_id, last, known_at)
    sums = await _sums(reader, fund_id, since=first, until=day, known_at=known_at, hub_id=hub)
    return await _shown(reader, statements.income_statement(sums, first, day, at))


def day_after(day: date) -> date:
    """The day after; after the calendar's last comes none, and nothing is effective on it."""
    return day + timedelta(days=1) if day < date.max else day


def _moment(
    context: Context, cooperative_id: UUID, as_of: date | None, known_at: datetime | None
) -> tuple[date, datetime]:
    return as_of or context.viewer.today(cooperative_id), known_at or utc_now()


async def _sums(
    reader: Reader,
    fund_id: str | None,
    *,
    since: date | None = None,
    until: date | None = None,
    known_at: datetime | None = None,
    hub_id: UUID | None = None,
) -> list[balance.AccountSum]:
    fund = None if fund_id is None else node_id_of_type(fund_id, "Fund", "fundId").id
    past = None if until is None else day_after(until)
    asked: dict[str, Any] = {"fund_id": fund, "hub_id": hub_id}
    return await reader.ask(
        ledger.account_sums, from_on=since, until_on=past, known_at=known_at, **asked
    )


async def _shown(reader: Reader, found: statements.FinancialStatement) -> FinancialStatement:
    scales = await reader.scales()

    def section(one: statements.StatementSection) -> FinancialStatementSection:
        scale = scales[one.commodity]
        return FinancialStatementSection(
            type=one.type,
            title=one.title,
            commodity=one.commodity,
            lines=[line(part, scale) for part in one.lines],
            total=from_scale(one.total_minor, scale),
        )

    def line(part: statements.StatementLine, scale: int) -> FinancialStatementLine:
        amount = from_scale(part.amount_minor, scale)
        return FinancialStatementLine(code=part.code, name=part.name, amount=amount)

    return FinancialStatement(
        title=found.title,
        from_=found.starts_on,
        as_of=found.as_of,
        known_at=found.known_at,
        sections=[section(one) for one in found.sections],
        results=[line(part, scales[commodity]) for commodity, part in found.results],
        energy=[section(one) for one in found.memorandum],
    )


@strawberry.type(description="A month of the books.")
class Period(Node):
    """A month of the books: days [from, to)."""

    from_: date = strawberry.field(name="from", description="Its first day.")
    to: date = strawberry.field(description="The first day after it.")
    state: period.PeriodState = strawberry.field(description="Where it stands.")
    closed_at: datetime | None = strawberry.field(description="When it was closed, if it is.")
    seal_number: int | None = strawberry.field(description="The seal that covers it, once closed.")

    @classmethod
    def of(cls, row: Any) -> Period:
        """What the API shows of a period's row."""
        return cls(
            id=strawberry.ID(str(NodeId("Period", row.cooperative_id, row.id))),
            from_=row.from_on,
            to=row.to_on,
            state=period.PeriodState(row.state),
            closed_at=row.closed_at,
            seal_number=row.seal_number,
        )


@found_by("Period")
async def period_by_node(context: Context, named: NodeId) -> Period | None:
    """The period of that id, for whoever has a role in the cooperative."""
    if context.extent(Action.PERIOD_READ, named.cooperative_id).is_empty:
        return None
    found = await periods_of(await context.reader(named.cooperative_id))
    return next((Period.of(row) for row in found if row.id == named.id), None)


async def periods_of(reader: Reader) -> list[Any]:
    """Every month, oldest first; they are few, so all are read at once."""
    return await reader.once("periods", ledger.periods)


@strawberry.input(description="A month to close.")
class PeriodCloseInput:
    """A month to close; the oldest open one first."""

    idempotency_key: IdempotencyKey = strawberry.field(
        description="One per intent, reused on retry."
    )
    period_id: strawberry.ID = strawberry.field(description="The month.")


@strawberry.type(description="What became of a period.")
class PeriodPayload(Payload):
    """What became of a period."""

    period: Period | None = strawberry.field(
        default=None, description="CLOSED; CLOSING while older work is still being sealed."
    )


@strawberry.type
class BooksMutations:
    """Mutations of the books as a whole."""

    @strawberry.mutation(
        description="Close a month: nothing is posted into it any more, and its seal is kept."
    )
    @refusals_as(PeriodPayload)
    async def period_close(self, info: Info, input: PeriodCloseInput) -> PeriodPayload:
        context = info.context
        named = node_id_of_type(input.period_id, "Period", "periodId")
        require(context.viewer, Action.PERIOD_CLOSE, named.cooperative_id)
        closed = await closing.close_period(
            context.database, context.viewer, CooperativeId(named.cooperative_id), named.id,
            idempotency_key=input.idempotency_key,
        )  # fmt: skip
        return PeriodPayload(period=Period.of(closed.row), replayed=closed.replayed)
