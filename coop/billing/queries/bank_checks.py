"""What payments and the bank say twice: a row for each contradiction, as in checks.py."""

from __future__ import annotations

_MOVED = """coalesce((
    SELECT sum(p.amount_minor)
    FROM posting AS p
    JOIN account AS a ON a.cooperative_id = p.cooperative_id AND a.id = p.account_id
    WHERE p.cooperative_id = {0}.cooperative_id AND p.entry_id = {1} AND {2}
), 0)"""
_OF_MEMBER = "a.code = '1200' AND a.member_id = y.member_id"

BANK_CHECKS: dict[str, str] = {
    "PAYMENT_POSTED": f"""
        SELECT t.at, t.expected::text, t.found::text FROM (
            SELECT
                'payment ' || y.id AS at, -y.amount_minor AS expected,
                {_MOVED.format("y", "y.entry_id", _OF_MEMBER)} AS found
            FROM payment AS y
            UNION ALL
            SELECT
                'return of payment ' || y.id, y.amount_minor,
                {_MOVED.format("y", "y.return_entry_id", _OF_MEMBER)}
            FROM payment AS y WHERE y.returned_on IS NOT NULL
        ) AS t
        WHERE t.expected <> t.found""",  # noqa: S608 - constants only
    "PAYMENT_ALLOCATED": """
        SELECT
            'payment ' || y.id AS at,
            '0 to ' || CASE WHEN y.returned_on IS NULL THEN greatest(y.amount_minor, 0) ELSE 0 END
                AS expected,
            s.settled || CASE WHEN s.strange THEN ' of another member' ELSE '' END AS found
        FROM payment AS y
        CROSS JOIN LATERAL (
            SELECT
                coalesce(sum(a.amount_minor), 0) AS settled,
                coalesce(bool_or(i.member_id <> y.member_id), FALSE) AS strange
            FROM allocation AS a
            JOIN invoice AS i ON i.cooperative_id = a.cooperative_id AND i.id = a.invoice_id
            WHERE a.cooperative_id = y.cooperative_id AND a.source_kind = 'payment'
                AND a.source_id = y.id
        ) AS s
        WHERE s.strange OR s.settled NOT BETWEEN 0
            AND CASE WHEN y.returned_on IS NULL THEN greatest(y.amount_minor, 0) ELSE 0 END""",
    "BANK_LINE_POSTED": f"""
        SELECT t.at, t.expected::text, t.found::text FROM (
            SELECT
                'bank line ' || l.id AS at, l.amount_minor AS expected,
                {_MOVED.format("l", "l.entry_id", "a.code = b.account_code")} AS found
            FROM bank_line AS l
            JOIN bank_account AS b
                ON b.cooperative_id = l.cooperative_id AND b.id = l.bank_account_id
            WHERE l.state <> 'unmatched' AND NOT EXISTS (
                SELECT FROM payment AS y
                WHERE y.cooperative_id = l.cooperative_id AND y.return_line_id = l.id
                    AND y.return_entry_id <> l.entry_id
            )
        ) AS t
        WHERE t.expected <> t.found""",  # noqa: S608 - constants only
    "COLLECTION_SUMS": """
        SELECT
            'collection ' || c.message_id AS at, s.items || ' of ' || s.minor AS expected,
            c.items || ' of ' || c.amount_minor AS found
        FROM collection AS c
        CROSS JOIN LATERAL (
            SELECT count(*) AS items, coalesce(sum(i.amount_minor), 0) AS minor
            FROM collection_item AS i
            WHERE i.cooperative_id = c.cooperative_id AND i.collection_id = c.id
        ) AS s
        WHERE c.items <> s.items OR c.amount_minor <> s.minor""",
}
