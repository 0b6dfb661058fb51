"""A stored session as it was metered, to be priced again: of a CDR with all of its periods."""

from __future__ import annotations

from coop.charging.domain.cdr import periods_of_cdr
from coop.charging.domain.session import ChargingSession, MeteredPeriod
from coop.charging.queries import SessionToRate


def metered_session(stored: SessionToRate) -> ChargingSession:
    """The session with what pricing asks for. What a mapped file says has no periods."""
    one = stored.session
    return ChargingSession(
        country_code=one.country_code,
        party_id=one.party_id,
        id=one.session_id,
        hub_ref="",
        port_ref=None,
        token_uid=one.token_uid,
        started_at=one.started_at,
        ended_at=one.ended_at,
        delivered_wh=one.delivered_wh,
        raw=stored.raw,
        body_sha256=b"",
        periods=metered_periods(stored.kind, stored.raw),
        session_ref=one.session_ref,
    )


def metered_periods(kind: str, raw: bytes) -> tuple[MeteredPeriod, ...]:
    """The periods that a session's bytes tell; `kind` is that of the import that brought it."""
    return periods_of_cdr(raw) if kind == "cdr" else ()
