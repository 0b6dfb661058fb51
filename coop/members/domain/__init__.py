"""Pure decisions about people: roles, the policy, token scopes. No database, clock or I/O."""
