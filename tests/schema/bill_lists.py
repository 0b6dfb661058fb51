"""Every field that is asked of each row of some list about bills: `%d` is the list's length."""

from __future__ import annotations

_MEMBERS = 'members(first: %d, where: {search: "m"}) { nodes { '
BILL_LISTS = {
    "invoices": """invoices(first: %d) { nodes {
        number member { name } taxes { name } refersTo { number } creditNotes { number }
        documents { url } entry { kind }
    } }""",
    "lines of invoices": """invoices(first: %d) { nodes { lines {
        kind taxes { name } hub { name } tariff resolution item { kind hub { name } }
    } } }""",
    "sessions of lines": """invoices(first: %d, where: {kind: INVOICE}) { nodes { lines {
        sessionCount sessions(first: 2) { totalCount nodes { sessionId hub { name } } }
    } } }""",
    "members' invoices": _MEMBERS
    + "invoices(first: 2) { totalCount nodes { number lines { kind } refersTo { number } } } } }",
    "members' items": _MEMBERS
    + """billItems(first: 2) { totalCount nodes {
        kind member { name } hub { name } taxes { name } entry { kind } invoice { number }
    } } } }""",
    "members' disputes": _MEMBERS
    + """disputes(first: 2) { totalCount nodes {
        state member { name } item { kind } credit { kind }
    } } } }""",
    "disputes": "disputes(first: %d) { nodes { member { name } item { kind } credit { kind } } }",
    "next bills": _MEMBERS
    + """unbilled { member { name } taxes { name } lines {
        kind taxes { name } hub { name } tariff item { kind } sessions(first: 2) { totalCount }
    } } } }""",
    "payments": _MEMBERS
    + """payments(first: 2) { totalCount nodes {
        onAccount { amount } member { name } allocations { invoiceId amount { amount } }
        entry { kind } returnEntry { kind }
    } } } }""",
    "what members agreed": _MEMBERS
    + """mandates { reference }
        subscriptions { member { name } plan { name taxes { name } } }
        reservations(first: 2) { totalCount nodes { member { name } hub { name } taxes { name } } }
    } }""",
    "aging": "aging(first: %d) { totalCount nodes { member { name } total { amount } } }",
    "bank lines": """bankLines(first: %d) { totalCount nodes {
        state member { name } entry { kind } candidates { id }
    } }""",
    "shared costs": """hubs(first: %d) { nodes { costSharing {
        rules { method taxes { name } } schedules { name }
        runs(first: 2) { totalCount nodes { total { amount } layers { members } } }
    } } }""",
    "shares": """hubs(first: %d) { nodes { costSharing { runs(first: 2) { nodes {
        shares(first: 2) { totalCount nodes { member { name } amount { amount } } }
    } } } } }""",
    "shared months": """hubs(first: 1) { nodes { costSharing { runs(first: %d) { nodes {
        layers { members } shares(first: 2) { totalCount nodes { member { name } } }
    } } } } }""",
}
