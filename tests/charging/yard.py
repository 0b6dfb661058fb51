"""A cooperative with open books, two hubs and a member, and short ways of asking things of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import text

from coop.charging import queries, service, tariffs
from coop.charging.domain.mapping import SessionMapping
from coop.charging.domain.place import Hub, HubDraft
from coop.charging.importing import ImportFile, ImportOutcome, import_cdrs, import_sessions
from coop.charging.queries import SessionWhere, StoredSession
from coop.db.engine import Database
from coop.kernel.clock import zone_named
from coop.kernel.window import Window
from coop.ledger import service as ledger
from coop.members.domain.people import Member
from coop.members.domain.roles import Viewer
from tests.charging.domain.sample import dumped, mapping
from tests.members.people import Town, found, system

SPRING = datetime(2026, 1, 1, tzinfo=UTC)
ALL = Window(limit=1000)


@dataclass(frozen=True)
class Yard:
    """One cooperative that charges: its people, hubs, imports and balances."""

    town: Town
    database: Database

    @property
    def id(self) -> Any:
        return self.town.id

    async def order(self, do: Any, *given: Any, **named: Any) -> Any:
        return await self.town.order(do, *given, **named)

    async def ask(self, question: Any, *given: Any, **named: Any) -> Any:
        async with self.database.snapshot(self.id) as connection:
            return await question(connection, *given, **named)

    async def hub(self, ref: str = "H1", per_kwh: str | None = "0.30", **named: Any) -> Hub:
        """A hub, with a price since the beginning of 2026 unless told otherwise."""
        draft = HubDraft(ref, f"Hub {ref}", zone_named("Europe/Oslo"), **named)
        made: Hub = await self.order(service.register_hub, draft)
        if per_kwh is not None:
            await self.order(tariffs.set_flat_price, made.id, Decimal(per_kwh), SPRING)
        return made

    async def member(self, number: str = "anna", **named: Any) -> Member:
        return await self.town.admit(number, number=number, **named)

    async def read(
        self, csv: str | bytes, using: SessionMapping | None = None, *, by: Viewer | None = None,
        report: Path | None = None, progress: Callable[..., None] | None = None,
    ) -> ImportOutcome:  # fmt: skip
        """Import a CSV text."""
        stream = BytesIO(csv if isinstance(csv, bytes) else csv.encode())
        file = ImportFile(stream, "sessions.csv", report)
        return await import_sessions(
            self.database, by or system(), self.id, file, using or mapping(), progress
        )

    async def read_cdrs(self, *documents: Any, **named: Any) -> ImportOutcome:
        """Import CDRs as NDJSON."""
        data = documents[0] if isinstance(documents[0], bytes) else dumped(*documents)
        file = ImportFile(BytesIO(data), "cdrs.json", named.pop("report", None))
        return await import_cdrs(self.database, named.pop("by", system()), self.id, file, **named)

    async def balances(self) -> dict[str, int]:
        """What every account that was posted to holds, debit positive, by code and of whom."""
        rows = await self.sql(
            "SELECT a.code, coalesce(m.number, h.ref) AS of, sum(b.debit_minor - b.credit_minor)"
            " FROM balance b JOIN account a ON a.id = b.account_id"
            " LEFT JOIN member m ON m.id = a.member_id LEFT JOIN hub h ON h.id = a.hub_id"
            " GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return {f"{code} {of}" if of else code: int(net) for code, of, net in rows}

    async def refusals(self, outcome: ImportOutcome) -> list[tuple[int, str, str]]:
        """(line, code, field) of what an import refused, in order."""
        rows = await self.ask(queries.rejections_page, outcome.run_id, ALL)
        return [(row["line"], row["code"], row["field"]) for row in rows]

    async def sessions(self, **where: Any) -> list[StoredSession]:
        rows: list[StoredSession] = await self.ask(
            queries.sessions_page, SessionWhere(**where), ALL
        )
        return rows

    async def states(self) -> dict[str, str]:
        """The state of every session, by its id at the platform."""
        return {one.session_id: one.state for one in reversed(await self.sessions())}

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        """Rows of a statement as `coop_app` in this cooperative; it may write."""

        async def work(connection: Any) -> list[Any]:
            result = await connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

        rows: list[Any] = await self.database.unit_of_work(self.id, work)
        return rows


async def open_yard(database: Database, **named: Any) -> Yard:
    """A cooperative of its own with open books."""
    town = await found(database, **named)
    currency = named.get("currency", "NOK")
    await database.unit_of_work(
        town.id, lambda connection: ledger.open_books(connection, town.id, currency)
    )
    return Yard(town, database)


def accounted(outcome: ImportOutcome) -> tuple[int, int, int, int, int]:
    """(accepted, rejected, duplicates, filtered, review)."""
    counts = outcome.counts
    assert counts.rows == counts.accepted + counts.rejected + counts.duplicates + counts.filtered
    return (counts.accepted, counts.rejected, counts.duplicates, counts.filtered, counts.review)


def day(text_: str) -> date:
    return date.fromisoformat(text_)
