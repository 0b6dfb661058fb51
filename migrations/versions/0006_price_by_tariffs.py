"""Price sessions by tariffs: versions, charges and their lines, interruptions, members' classes.

The flat prices of hubs become versions of simple tariffs, with their ids; the sessions of before
keep their entries and have no charge, so no bill takes them up. Locks charging_session while it
gains a column and a reference.
"""

from alembic import op

from coop.db.migrate import run_file, run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FUNCTIONS = ("member_class_is_one", "interruption_is_alone")
# What may be undone is what there was: flat prices of hubs. Other tariffs and all charges are lost.
_DOWN = """
CREATE TABLE hub_price (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    currency text NOT NULL,
    per_kwh numeric NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_hub_price PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_hub_price_cooperative_id_hub_id_from_at UNIQUE (cooperative_id, hub_id, from_at),
    CONSTRAINT ck_hub_price_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_hub_price_per_kwh CHECK (per_kwh >= 0 AND per_kwh < 1000000),
    CONSTRAINT fk_hub_price_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id)
);
ALTER TABLE tariff_version NO FORCE ROW LEVEL SECURITY;
INSERT INTO hub_price
SELECT
    cooperative_id, id, hub_id, from_at, currency,
    (document::jsonb #>> '{elements,0,price_components,0,price}')::numeric, set_by, set_at
FROM tariff_version
WHERE hub_id IS NOT NULL AND member_class = '' AND corrects_id IS NULL
    AND document::jsonb - 'id' - 'currency' - 'elements' = '{}'
    AND jsonb_array_length(document::jsonb -> 'elements') = 1
    AND (document::jsonb -> 'elements' -> 0) - 'price_components' = '{}'
    AND jsonb_array_length(document::jsonb #> '{elements,0,price_components}') = 1
    AND document::jsonb #>> '{elements,0,price_components,0,type}' = 'ENERGY'
    AND document::jsonb #> '{elements,0,price_components,0,vat}' IS NULL
    AND document::jsonb #> '{elements,0,price_components,0,taxes}' IS NULL;
ALTER TABLE hub_price ENABLE ROW LEVEL SECURITY;
ALTER TABLE hub_price FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON hub_price USING (cooperative_id = (SELECT coop_current()))
WITH CHECK (cooperative_id = (SELECT coop_current()));
GRANT SELECT, INSERT ON hub_price TO coop_app;
DROP TABLE charge_line, charge, interruption, member_class;
REVOKE UPDATE (amount_minor) ON charging_session FROM coop_app;
REVOKE UPDATE (tariff_version_id) ON charging_session FROM coop_app;
ALTER TABLE charging_session DROP CONSTRAINT fk_charging_session_tariff_version;
ALTER TABLE charging_session DROP COLUMN session_ref;
ALTER TABLE charging_session RENAME COLUMN tariff_version_id TO price_id;
DROP TABLE tariff_version;
DROP FUNCTION member_class_is_one();
DROP FUNCTION interruption_is_alone();
"""


def upgrade() -> None:
    for name in ("tariffs", *_FUNCTIONS, "charging_append_only"):
        run_file(op.get_bind(), f"0006_{name}.sql")
    for name in _FUNCTIONS:
        run_sql(op.get_bind(), f"REVOKE ALL ON FUNCTION {name}() FROM public")


def downgrade() -> None:
    run_sql(op.get_bind(), _DOWN)
    run_file(op.get_bind(), "0004_charging_append_only.sql")
