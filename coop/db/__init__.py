"""Where rows live: the engine, embedded PostgreSQL, the unit of work, tenancy, migrations."""
