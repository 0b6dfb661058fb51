"""Sessions of a chunk into their table, by one statement."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from coop.charging.desk import Desk, Row, standing
from coop.kernel.clock import utc_now

_STORE = """
INSERT INTO charging_session (
    cooperative_id, run_id, recorded_at, id, country_code, party_id, session_id, hub_id, port_id,
    token_uid, member_id, started_at, ended_at, effective_on, delivered_wh, state, amount_minor,
    tariff_version_id, entry_id, credit_of_id, doubts, raw, raw_sha256, body_sha256, session_ref
)
SELECT $1, $2, $3, s.id, s.country_code, s.party_id, s.session_id, s.hub_id, s.port_id,
    s.token_uid, s.member_id, s.started_at, s.ended_at, s.effective_on, s.delivered_wh, s.state,
    s.amount_minor, s.version_id, s.entry_id, s.credit_of_id, string_to_array(s.doubts, ' '),
    s.raw, s.raw_sha256, s.body_sha256, s.session_ref
FROM unnest(
    $4::uuid[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::uuid[], $10::text[],
    $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::date[], $15::bigint[], $16::text[],
    $17::bigint[], $18::uuid[], $19::uuid[], $20::uuid[], $21::text[], $22::bytea[], $23::bytea[],
    $24::bytea[], $25::text[]
) AS s (
    id, country_code, party_id, session_id, hub_id, port_id, token_uid, member_id, started_at,
    ended_at, effective_on, delivered_wh, state, amount_minor, version_id, entry_id, credit_of_id,
    doubts, raw, raw_sha256, body_sha256, session_ref
)
"""


async def store_sessions(desk: Desk, rows: Sequence[Row]) -> None:
    """Keep the sessions that nothing was said against."""
    values = [
        (
            row.id, row.session.country_code, row.session.party_id, row.session.id, row.hub.id,
            row.port_id, row.session.token_uid, row.member_id, row.session.started_at,
            row.session.ended_at, row.on, abs(row.session.delivered_wh), row.state,
            row.amount_minor, row.tariff_version_id, row.entry_id, row.credit_of_id,
            " ".join(doubt.value for doubt in row.doubts), row.session.raw,
            hashlib.sha256(row.session.raw).digest(), row.session.body_sha256,
            row.session.session_ref,
        )
        for row in standing(rows)
        if row.hub is not None
    ]  # fmt: skip
    if not values:
        return
    raw = await desk.connection.get_raw_connection()
    driver: Any = raw.driver_connection
    columns = [list(column) for column in zip(*values, strict=True)]
    await driver.execute(_STORE, desk.cooperative_id, desk.run_id, utc_now(), *columns)
