"""What commitments say twice: a row for each contradiction, what follows and what is stored."""

from __future__ import annotations

# What billing itself posted, reversals of it too; what somebody posted by hand is not judged.
_BALANCES = """
    SELECT a.member_id, sum(-p.amount_minor) AS held
    FROM account AS a
    JOIN posting AS p ON p.cooperative_id = a.cooperative_id AND p.account_id = a.id
    JOIN journal_entry AS j ON j.cooperative_id = p.cooperative_id AND j.id = p.entry_id
    LEFT JOIN journal_entry AS o ON o.cooperative_id = j.cooperative_id AND o.id = j.reverses_id
    WHERE a.code = '{}' AND coalesce(o.kind, j.kind) IN (
        'bill_item', 'commitment_pledge', 'commitment_settlement', 'commitment_release',
        'commitment_deposit'
    )
    GROUP BY a.member_id"""
_AGAINST = """
    SELECT
        'member ' || m.number AS at, coalesce(e.expected, 0)::text AS expected,
        coalesce(b.held, 0)::text AS found
    FROM member AS m
    LEFT JOIN ({expected}) AS e ON e.member_id = m.id
    LEFT JOIN ({balances}) AS b ON b.member_id = m.id
    WHERE coalesce(e.expected, 0) <> coalesce(b.held, 0)"""
_LIABILITY = """
    SELECT c.member_id, sum(v.amount_minor) AS expected
    FROM make_up_movement AS v
    JOIN make_up_credit AS k ON k.cooperative_id = v.cooperative_id AND k.id = v.credit_id
    JOIN commitment AS c ON c.cooperative_id = k.cooperative_id AND c.id = k.commitment_id
    GROUP BY c.member_id"""
_DEPOSITS = """
    SELECT
        c.member_id,
        sum(CASE d.kind WHEN 'taken' THEN d.amount_minor ELSE -d.amount_minor END) AS expected
    FROM commitment_deposit AS d
    JOIN commitment AS c ON c.cooperative_id = d.cooperative_id AND c.id = d.commitment_id
    GROUP BY c.member_id"""
_LINES = """
    SELECT t.cooperative_id, t.commitment_id, {terms} AS wh FROM commitment_terms AS t
    UNION ALL
    SELECT s.cooperative_id, s.commitment_id, {settled} FROM commitment_settlement AS s"""
_ENERGY = """
    SELECT c.member_id, sum(n.wh) AS expected FROM ({lines}) AS n
    JOIN commitment AS c ON c.cooperative_id = n.cooperative_id AND c.id = n.commitment_id
    GROUP BY c.member_id"""


def _against(code: str, expected: str) -> str:
    return _AGAINST.format(expected=expected, balances=_BALANCES.format(code))


def _energy(code: str, terms: str, settled: str) -> str:
    return _against(code, _ENERGY.format(lines=_LINES.format(terms=terms, settled=settled)))


# Code → statement. Money in minor units, energy in Wh, both on the account's credit side.
COMMITMENT_CHECKS: dict[str, str] = {
    "MAKE_UP_LIABILITY": _against("2420", _LIABILITY),
    "COMMITMENT_DEPOSIT": _against("2410", _DEPOSITS),
    "PLEDGE_ENERGY": _energy("9200", "t.pledged_wh", "-s.excused_wh"),
    "DUE_ENERGY": _energy(
        "9210", "-t.pledged_wh", "s.excused_wh + s.met_wh + s.bank_used_wh + s.shortfall_wh"
    ),
    "SETTLEMENT_ORDER_BROKEN": """
        SELECT
            'commitment ' || n.commitment_id || ' settlement ' || n.number AS at,
            n.place::text AS expected, n.number::text AS found
        FROM (
            SELECT
                s.commitment_id, s.number,
                row_number() OVER (PARTITION BY s.commitment_id ORDER BY s.number) AS place
            FROM commitment_settlement AS s
        ) AS n
        WHERE n.number <> n.place""",
}
