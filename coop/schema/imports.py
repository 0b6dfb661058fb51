"""The mutation that imports charging sessions: a file's text, CDRs or a CSV with its mapping."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Sequence
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import importing
from coop.charging import queries as charging
from coop.charging.domain.mapping import mapping_of
from coop.charging.importing import ImportFile, ImportOutcome
from coop.kernel import money
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId
from coop.kernel.window import Window
from coop.ledger.errors import IdempotencyMismatch
from coop.ledger.keys import outcome_of_key, remember_outcome
from coop.members.domain.policy import Action, require
from coop.schema.context import Context, Info
from coop.schema.posting import cooperative_named
from coop.schema.scalars import IdempotencyKey, KWh, Money, kwh
from coop.schema.user_error import Payload, refusals_as

REJECTIONS_SHOWN = 200
FILE_NAME_MAX = 255
HELD_FOR_S = 600
IMPORTS_AT_ONCE = 2
_IMPORTING = asyncio.Semaphore(IMPORTS_AT_ONCE)


@strawberry.enum(
    description="What a file is: OCPI 2.2.1 CDRs as JSON (one, an array, one a line), or a CSV."
)
class SessionFileFormat(Enum):
    """What an imported file is."""

    CDR = "cdr"
    CSV = "csv"


@strawberry.input(description="A file of charging sessions.")
class ChargingSessionsImportInput:
    """A file of charging sessions, as text, at most 8 MiB."""

    idempotency_key: IdempotencyKey = strawberry.field(
        description="One per intent, reused on retry."
    )
    cooperative_id: strawberry.ID = strawberry.field(description="Whose sessions they are.")
    format: SessionFileFormat = strawberry.field(description="What the content is.")
    content: str = strawberry.field(description="The file itself.")
    mapping: str | None = strawberry.field(
        default=None, description="For CSV: the mapping file, TOML; docs/mapping-files.md tells it."
    )
    file_name: str = strawberry.field(default="import", description="What the file is called.")


@strawberry.type(description="A row that was refused.")
class SessionRejection:
    """A row that was refused: where, and why."""

    line: int = strawberry.field(description="Its line in a CSV, or its place among the CDRs.")
    field: str = strawberry.field(description="The column or path that is wrong; empty: the row.")
    code: str = strawberry.field(description="Stable, one of the codes in the glossary.")
    reason: str = strawberry.field(description="One sentence for a person.")


@strawberry.type(description="What became of an import.")
class ChargingSessionsImportPayload(Payload):
    """What became of an import: every row is accepted, rejected, a duplicate or left out."""

    accepted: int = strawberry.field(default=0, description="Rows that are sessions now.")
    rejected: int = strawberry.field(default=0, description="Rows that were refused.")
    duplicates: int = strawberry.field(default=0, description="Rows that were here already.")
    review: int = strawberry.field(default=0, description="Rows that somebody should look at.")
    energy: KWh | None = strawberry.field(default=None, description="Of the accepted rows.")
    amount: Money | None = strawberry.field(default=None, description="What they were charged.")
    rejections: list[SessionRejection] = strawberry.field(
        default_factory=list, description="The first 200 refused rows, in the order of the file."
    )


@strawberry.type
class ImportMutations:
    """Mutations that import."""

    @strawberry.mutation(
        description="Import charging sessions; a bad row never stops the good ones."
    )
    @refusals_as(ChargingSessionsImportPayload)
    async def charging_sessions_import(
        self, info: Info, input: ChargingSessionsImportInput
    ) -> ChargingSessionsImportPayload:
        context = info.context
        cooperative_id = cooperative_named(input.cooperative_id)
        require(context.viewer, Action.SESSION_IMPORT, cooperative_id)
        # The key is held in one transaction while the rows go in by others, a thousand each: few
        # imports at a time, so that those who wait for their twins do not take every connection.
        async with _IMPORTING:
            outcome, replayed = await context.database.unit_of_work(
                cooperative_id, lambda c: _once(c, context, cooperative_id, input)
            )
        return await _payload(context, cooperative_id, outcome, replayed=replayed)


async def _once(
    connection: AsyncConnection,
    context: Context,
    cooperative_id: CooperativeId,
    input: ChargingSessionsImportInput,
) -> tuple[dict[str, Any], bool]:
    """What came of the import under this key, now or before, and whether it was before."""
    subject, key, request = context.viewer.subject, input.idempotency_key, _request_hash(input)
    known = await outcome_of_key(connection, subject, key, held_for_s=HELD_FOR_S)
    if known is not None:
        if known.request_hash != request:
            raise IdempotencyMismatch(
                "This key was used before, for another request.", ("idempotency_key",)
            )
        return dict(known.outcome), True
    outcome = _outcome(await _import(context, cooperative_id, input))
    await remember_outcome(connection, cooperative_id, subject, key, request, outcome)
    return outcome, False


async def _import(
    context: Context, cooperative_id: CooperativeId, input: ChargingSessionsImportInput
) -> ImportOutcome:
    name = input.file_name
    if not (1 <= len(name) <= FILE_NAME_MAX and name.isprintable()):
        why = f"A file is called by 1 to {FILE_NAME_MAX} printable characters."
        raise InvalidValue(why, ("file_name",))
    file = ImportFile(io.BytesIO(input.content.encode()), input.file_name)
    if input.format is SessionFileFormat.CDR:
        return await importing.import_cdrs(context.database, context.viewer, cooperative_id, file)
    if input.mapping is None:
        raise InvalidValue("A CSV file needs its mapping.", ("mapping",))
    mapping = mapping_of(input.mapping)
    return await importing.import_sessions(
        context.database, context.viewer, cooperative_id, file, mapping
    )


def _request_hash(input: ChargingSessionsImportInput) -> bytes:
    digest = hashlib.sha256(b"charging_sessions_import")
    for part in (input.format.value, input.content, input.mapping or "", input.file_name):
        text = part.encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.digest()


def _outcome(found: ImportOutcome) -> dict[str, Any]:
    counts = found.counts
    return {
        "run": str(found.run_id), "accepted": counts.accepted, "rejected": counts.rejected,
        "duplicates": counts.duplicates, "review": counts.review,
        "delivered_wh": str(counts.delivered_wh), "amount_minor": str(counts.amount_minor),
        "currency": found.currency,
    }  # fmt: skip


async def _payload(
    context: Context, cooperative_id: CooperativeId, outcome: dict[str, Any], *, replayed: bool
) -> ChargingSessionsImportPayload:
    reader = await context.reader(cooperative_id)
    refused: Sequence[Any] = await reader.ask(
        charging.rejections_page, UUID(outcome["run"]), Window(REJECTIONS_SHOWN)
    )
    return ChargingSessionsImportPayload(
        accepted=outcome["accepted"],
        rejected=outcome["rejected"],
        duplicates=outcome["duplicates"],
        review=outcome["review"],
        energy=kwh(int(outcome["delivered_wh"])),
        amount=Money.of(money.Money(outcome["currency"], int(outcome["amount_minor"]))),
        rejections=[
            SessionRejection(
                line=row["line"], field=row["field"], code=row["code"], reason=row["reason"]
            )
            for row in refused
        ],
        replayed=replayed,
    )
