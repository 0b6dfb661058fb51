"""Queries worth pasting into GraphiQL; a test runs each as the person it is for."""

from __future__ import annotations

QUERIES = (
    (
        "As the member operator: what do we owe, and what were the last postings?",
        """
query MyBalance {
  viewer {
    subject
    members(first: 1) {
      nodes {
        number
        name
        balance { due { amount currency } equity { amount currency } asOf }
        postings(first: 10) {
          totalCount
          nodes { side amount commodity runningBalance entry { effectiveOn memo } }
        }
      }
    }
  }
}
""",
    ),
    (
        "As the board member: hubs, and what they delivered in July",
        """
query Hubs {
  cooperative(slug: "demo") {
    name
    hubs(first: 10) {
      nodes {
        name
        ports { id }
        delivered(period: {from: "2025-07-01", to: "2025-08-01"})
      }
    }
    members(first: 30) { totalCount nodes { number name balance { due { amount } } } }
  }
}
""",
    ),
    (
        "As the treasurer: the result of the year, and the months that are closed",
        """
query TheYear {
  cooperative(slug: "demo") {
    incomeStatement(period: {from: "2025-01-01", to: "2026-01-01"}) {
      sections { title commodity lines { code name amount } total }
    }
    periods { from to state }
    seals(first: 3) { totalCount nodes { number entryCount } }
  }
}
""",
    ),
    (
        "As the member operator: our latest bill, and the rule behind every price",
        """
query MyBill {
  viewer {
    members(first: 1) {
      nodes {
        invoices(first: 1) {
          nodes {
            number
            gross { amount }
            open { amount }
            dueOn
            lines {
              description
              quantity
              unit
              unitPrice
              net { amount }
              tariff
              resolution
              sessions(first: 2) {
                nodes { sessionId energy charges { resolution net { amount } } }
              }
            }
          }
        }
      }
    }
  }
}
""",
    ),
)
