"""What billing says twice: a row for each contradiction, with what follows and what is stored."""

from __future__ import annotations

_POSTED = """
SELECT '{0}' AS side, i.kind || ' ' || i.number AS at, {1} AS expected, coalesce((
    SELECT sum(p.amount_minor)
    FROM posting AS p
    JOIN account AS a ON a.cooperative_id = p.cooperative_id AND a.id = p.account_id
    WHERE p.cooperative_id = i.cooperative_id AND p.entry_id = i.entry_id AND a.code = '{0}'
), 0) AS found
FROM invoice AS i {2}"""

# Code → statement. "IS NULL" of a subquery is a probe of a key; as a join, PostgreSQL could compare
# every row with every other where its statistics are old. Amounts are minor units; an invoice is
# named by its kind and number.
CHECKS: dict[str, str] = {
    "INVOICE_NUMBER": """
        SELECT n.kind || ' ' || n.number AS at, n.place::text AS expected, n.number::text AS found
        FROM (
            SELECT
                i.kind, i.number,
                row_number() OVER (PARTITION BY i.kind ORDER BY i.number) AS place
            FROM invoice AS i
        ) AS n
        WHERE n.number <> n.place
        UNION ALL
        SELECT s.series || ' series', coalesce(max(i.number), 0)::text, s.last_number::text
        FROM invoice_series AS s
        LEFT JOIN invoice AS i ON i.cooperative_id = s.cooperative_id AND i.kind = s.series
        GROUP BY s.series, s.last_number
        HAVING coalesce(max(i.number), 0) <> s.last_number""",
    "INVOICE_SUMS": """
        SELECT
            i.kind || ' ' || i.number AS at, concat_ws(' + ', l.net, t.tax) AS expected,
            concat_ws(' + ', i.net_minor, i.tax_minor) AS found
        FROM invoice AS i
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.net_minor), 0) AS net FROM invoice_line AS l
            WHERE l.cooperative_id = i.cooperative_id AND l.invoice_id = i.id
        ) AS l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.tax_minor), 0) AS tax FROM invoice_tax AS t
            WHERE t.cooperative_id = i.cooperative_id AND t.invoice_id = i.id
        ) AS t
        WHERE i.net_minor <> l.net OR i.tax_minor <> t.tax
            OR i.gross_minor <> i.net_minor + i.tax_minor""",
    "INVOICE_POSTED": f"""
        SELECT b.at || ' on ' || b.side AS at, b.expected::text, b.found::text FROM (
            {_POSTED.format("1200", "i.gross_minor", "")}
            UNION ALL
            {_POSTED.format("2200", "-i.tax_minor", "")}
            UNION ALL
            {_POSTED.format("1205", "-i.net_minor", "WHERE i.run_id IS NOT NULL")}
        ) AS b
        WHERE b.expected <> b.found""",  # noqa: S608 - constants only
    "INVOICE_LINE": """
        SELECT
            i.kind || ' ' || i.number || ' line ' || l.number AS at,
            g.net::text AS expected, l.net_minor::text AS found
        FROM invoice_line AS l
        JOIN invoice AS i ON i.cooperative_id = l.cooperative_id AND i.id = l.invoice_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(n.net_minor), 0) AS net FROM (
                SELECT c.net_minor
                FROM invoice_charge AS b
                JOIN charge_line AS c ON c.cooperative_id = b.cooperative_id
                    AND c.charge_id = b.charge_id AND c.number = b.charge_line
                WHERE b.cooperative_id = l.cooperative_id AND b.invoice_id = l.invoice_id
                    AND b.line_number = l.number
                UNION ALL
                SELECT t.net_minor
                FROM invoice_item AS b
                JOIN bill_item AS t ON t.cooperative_id = b.cooperative_id AND t.id = b.item_id
                WHERE b.cooperative_id = l.cooperative_id AND b.invoice_id = l.invoice_id
                    AND b.line_number = l.number
            ) AS n
        ) AS g
        WHERE i.run_id IS NOT NULL AND g.net <> l.net_minor""",
    "CHARGE_BILLED": """
        SELECT
            'charge ' || c.id AS at, 'all its lines on one invoice of its member' AS expected,
            b.lines || ' of ' || n.lines || ' lines on ' || b.invoices AS found
        FROM (
            SELECT
                b.charge_id, count(*) AS lines, count(DISTINCT b.invoice_id) AS invoices,
                (array_agg(b.invoice_id))[1] AS invoice_id
            FROM invoice_charge AS b GROUP BY b.charge_id
        ) AS b
        JOIN charge AS c ON c.id = b.charge_id
        JOIN (
            SELECT l.charge_id, count(*) AS lines FROM charge_line AS l GROUP BY l.charge_id
        ) AS n ON n.charge_id = c.id
        JOIN invoice AS i ON i.id = b.invoice_id
        WHERE b.invoices <> 1 OR b.lines <> n.lines OR i.member_id IS DISTINCT FROM c.member_id
        UNION ALL
        SELECT 'charge ' || b.charge_id, 'a charge and a line of an invoice', 'one is missing'
        FROM invoice_charge AS b
        WHERE (
            SELECT l.number FROM charge_line AS l
            WHERE l.cooperative_id = b.cooperative_id AND l.charge_id = b.charge_id
                AND l.number = b.charge_line LIMIT 1
        ) IS NULL OR (
            SELECT n.number FROM invoice_line AS n
            WHERE n.cooperative_id = b.cooperative_id AND n.invoice_id = b.invoice_id
                AND n.number = b.line_number LIMIT 1
        ) IS NULL""",
    "UNBILLED_SUM": """
        SELECT
            'member ' || m.number AS at, coalesce(u.net, 0)::text AS expected,
            coalesce(b.balance, 0)::text AS found
        FROM member AS m
        LEFT JOIN (
            SELECT a.member_id, sum(s.debit_minor - s.credit_minor) AS balance
            FROM account AS a
            JOIN balance AS s ON s.cooperative_id = a.cooperative_id AND s.account_id = a.id
            WHERE a.code = '1205' GROUP BY a.member_id
        ) AS b ON b.member_id = m.id
        LEFT JOIN (
            SELECT n.member_id, sum(n.net_minor) AS net FROM (
                SELECT c.member_id, c.net_minor FROM charge AS c
                WHERE (
                    SELECT x.line_number FROM invoice_charge AS x
                    WHERE x.cooperative_id = c.cooperative_id AND x.charge_id = c.id LIMIT 1
                ) IS NULL
                UNION ALL
                SELECT t.member_id, t.net_minor FROM bill_item AS t
                WHERE (
                    SELECT x.line_number FROM invoice_item AS x
                    WHERE x.cooperative_id = t.cooperative_id AND x.item_id = t.id
                ) IS NULL
            ) AS n GROUP BY n.member_id
        ) AS u ON u.member_id = m.id
        WHERE coalesce(u.net, 0) <> coalesce(b.balance, 0)""",
    "UNBILLED_QUEUE": """
        SELECT
            'member ' || m.number AS at, count(w.id) || ' others waiting' AS expected,
            count(u.id) || ' waiting' AS found
        FROM unbilled AS u
        FULL JOIN (
            SELECT c.id, c.member_id, c.effective_on, FALSE AS is_item FROM charge AS c
            WHERE c.member_id IS NOT NULL AND (
                SELECT l.number FROM charge_line AS l
                WHERE l.cooperative_id = c.cooperative_id AND l.charge_id = c.id LIMIT 1
            ) IS NOT NULL AND (
                SELECT x.line_number FROM invoice_charge AS x
                WHERE x.cooperative_id = c.cooperative_id AND x.charge_id = c.id LIMIT 1
            ) IS NULL
            UNION ALL
            SELECT t.id, t.member_id, t.effective_on, TRUE FROM bill_item AS t
            WHERE (
                SELECT x.line_number FROM invoice_item AS x
                WHERE x.cooperative_id = t.cooperative_id AND x.item_id = t.id LIMIT 1
            ) IS NULL
        ) AS w ON w.id = u.id AND w.member_id = u.member_id AND w.effective_on = u.effective_on
            AND w.is_item = u.is_item
        JOIN member AS m ON m.id = coalesce(u.member_id, w.member_id)
        WHERE u.id IS NULL OR w.id IS NULL
        GROUP BY m.number""",
    "ALLOCATION_SUM": """
        SELECT
            i.kind || ' ' || i.number AS at, '0 to ' || i.gross_minor AS expected,
            s.settled::text AS found
        FROM invoice AS i
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(a.amount_minor), 0) AS settled FROM allocation AS a
            WHERE a.cooperative_id = i.cooperative_id AND a.invoice_id = i.id
        ) AS s
        WHERE s.settled NOT BETWEEN 0 AND greatest(i.gross_minor, 0)""",
}
