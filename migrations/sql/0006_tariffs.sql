-- Prices become versions of tariffs; a session has charges; hubs have interruptions; members have classes. The flat
-- prices there were are carried over with their ids, so what sessions were charged by stays named.

CREATE TABLE tariff_version (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid,
    member_class text NOT NULL,
    version bigint NOT NULL,
    from_at timestamptz NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    document text NOT NULL,
    document_sha256 bytea NOT NULL,
    corrects_id uuid,
    resolution text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_tariff_version PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_tariff_version_member_class CHECK (member_class ~ '^([a-z0-9][a-z0-9_-]*)?$'),
    CONSTRAINT ck_tariff_version_version CHECK (version > 0),
    CONSTRAINT ck_tariff_version_name CHECK (name <> ''),
    CONSTRAINT ck_tariff_version_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_tariff_version_document_sha256 CHECK (document_sha256 = sha256(convert_to(document, 'UTF8'))),
    CONSTRAINT fk_tariff_version_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_tariff_version_corrects FOREIGN KEY (cooperative_id, corrects_id)
    REFERENCES tariff_version (cooperative_id, id)
);
CREATE UNIQUE INDEX uq_tariff_version_version ON tariff_version
(cooperative_id, hub_id, member_class, version) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX uq_tariff_version_from_at ON tariff_version
(cooperative_id, hub_id, member_class, from_at) NULLS NOT DISTINCT WHERE corrects_id IS NULL;
CREATE UNIQUE INDEX uq_tariff_version_corrects ON tariff_version (cooperative_id, corrects_id)
WHERE corrects_id IS NOT NULL;

-- The owner, too, sees only one cooperative's rows of a table that forces its policy.
ALTER TABLE hub_price NO FORCE ROW LEVEL SECURITY;
WITH flat AS (
    SELECT
        cooperative_id,
        id,
        hub_id,
        from_at,
        currency,
        set_by,
        set_at,
        trim_scale(per_kwh)::text AS price
    FROM hub_price
),

written AS (
    SELECT
        *,
        '{"currency":"' || currency || '","elements":[{"price_components":[{"price":' || price
        || ',"step_size":1,"type":"ENERGY"}]}],"id":"' || id::text || '"}' AS document
    FROM flat
)

INSERT INTO tariff_version (
    cooperative_id, id, hub_id, member_class, version, from_at, name, currency, document, document_sha256,
    set_by, set_at
)
SELECT
    cooperative_id,
    id,
    hub_id,
    '' AS member_class,
    row_number() OVER (PARTITION BY cooperative_id, hub_id ORDER BY from_at) AS version,
    from_at,
    price || ' ' || currency || '/kWh' AS name,
    currency,
    document,
    sha256(convert_to(document, 'UTF8')) AS document_sha256,
    set_by,
    set_at
FROM written;
DROP TABLE hub_price;

ALTER TABLE charging_session RENAME COLUMN price_id TO tariff_version_id;
ALTER TABLE charging_session ADD COLUMN session_ref text;
ALTER TABLE charging_session
ADD CONSTRAINT fk_charging_session_tariff_version
FOREIGN KEY (cooperative_id, tariff_version_id) REFERENCES tariff_version (cooperative_id, id);
CREATE INDEX ix_charging_session_credited ON charging_session (cooperative_id, session_ref)
WHERE state = 'credited';

CREATE TABLE member_class (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    class text NOT NULL,
    from_on date NOT NULL,
    to_on date,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    ended_by text,
    CONSTRAINT pk_member_class PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_member_class_class CHECK (class ~ '^[a-z0-9][a-z0-9_-]*$' AND class <> 'guest'),
    CONSTRAINT ck_member_class_to_on CHECK (to_on >= from_on),
    CONSTRAINT fk_member_class_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_member_class_member ON member_class (cooperative_id, member_id, from_on);

CREATE TABLE interruption (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    hub_id uuid NOT NULL,
    port_id uuid,
    from_at timestamptz NOT NULL,
    to_at timestamptz,
    cause text NOT NULL,
    note text NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    ended_by text,
    CONSTRAINT pk_interruption PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_interruption_to_at CHECK (to_at > from_at),
    CONSTRAINT ck_interruption_cause CHECK (cause IN (
        'OUTAGE_GRID', 'OUTAGE_HARDWARE', 'OUTAGE_SOFTWARE', 'MAINTENANCE', 'VANDALISM', 'THROTTLED', 'OTHER'
    )),
    CONSTRAINT fk_interruption_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_interruption_port_cooperative_id_port_id FOREIGN KEY (cooperative_id, port_id)
    REFERENCES port (cooperative_id, id)
);
CREATE INDEX ix_interruption_hub ON interruption (cooperative_id, hub_id, from_at, id);

CREATE TABLE charge (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    member_id uuid,
    hub_id uuid NOT NULL,
    tariff_version_id uuid NOT NULL,
    effective_on date NOT NULL,
    currency text NOT NULL,
    net_minor bigint NOT NULL,
    tax numeric NOT NULL,
    entry_id uuid,
    credit_of_id uuid,
    replaces_id uuid,
    reason text NOT NULL,
    rated_by text NOT NULL,
    rated_at timestamptz NOT NULL,
    CONSTRAINT pk_charge PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_charge_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_charge_sign CHECK (
        CASE WHEN credit_of_id IS NULL THEN net_minor >= 0 AND tax >= 0 ELSE net_minor <= 0 AND tax <= 0 END
    ),
    CONSTRAINT ck_charge_entry CHECK (entry_id IS NOT NULL OR net_minor = 0),
    CONSTRAINT ck_charge_links CHECK (credit_of_id IS NULL OR replaces_id IS NULL),
    CONSTRAINT fk_charge_session FOREIGN KEY (cooperative_id, session_id)
    REFERENCES charging_session (cooperative_id, id),
    CONSTRAINT fk_charge_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_charge_hub_cooperative_id_hub_id FOREIGN KEY (cooperative_id, hub_id)
    REFERENCES hub (cooperative_id, id),
    CONSTRAINT fk_charge_tariff_version FOREIGN KEY
    (cooperative_id, tariff_version_id)
    REFERENCES tariff_version (cooperative_id, id),
    CONSTRAINT fk_charge_credit_of FOREIGN KEY (cooperative_id, credit_of_id)
    REFERENCES charge (cooperative_id, id),
    CONSTRAINT fk_charge_replaces FOREIGN KEY (cooperative_id, replaces_id)
    REFERENCES charge (cooperative_id, id)
);
CREATE INDEX ix_charge_session ON charge (cooperative_id, session_id);
CREATE INDEX ix_charge_member ON charge (cooperative_id, member_id, effective_on, id);
CREATE UNIQUE INDEX uq_charge_credit_of ON charge (cooperative_id, credit_of_id) WHERE credit_of_id IS NOT NULL;
CREATE UNIQUE INDEX uq_charge_replaces ON charge (cooperative_id, replaces_id) WHERE replaces_id IS NOT NULL;

CREATE TABLE charge_line (
    cooperative_id uuid NOT NULL,
    charge_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    element integer,
    description text NOT NULL,
    quantity numeric NOT NULL,
    unit text NOT NULL,
    unit_price numeric NOT NULL,
    net_minor bigint NOT NULL,
    taxes jsonb NOT NULL,
    tax numeric NOT NULL,
    CONSTRAINT pk_charge_line PRIMARY KEY (cooperative_id, charge_id, number),
    CONSTRAINT ck_charge_line_number CHECK (number > 0),
    CONSTRAINT ck_charge_line_kind CHECK (kind IN (
        'ENERGY', 'FLAT', 'TIME', 'PARKING_TIME', 'RESERVATION_TIME', 'RESERVATION_FLAT', 'MIN_PRICE', 'MAX_PRICE'
    )),
    CONSTRAINT ck_charge_line_unit CHECK (unit IN ('kWh', 'h', 'session')),
    CONSTRAINT ck_charge_line_taxes CHECK (jsonb_typeof(taxes) = 'array'),
    CONSTRAINT fk_charge_line_charge_cooperative_id_charge_id FOREIGN KEY (cooperative_id, charge_id)
    REFERENCES charge (cooperative_id, id)
);

COMMENT ON TABLE tariff_version IS
'Tariffs in force from an instant on; a version once set stays, the next follows it.';
COMMENT ON COLUMN tariff_version.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN tariff_version.id IS
'UUID version 7.';
COMMENT ON COLUMN tariff_version.hub_id IS
'Whose tariff it is; null for every hub.';
COMMENT ON COLUMN tariff_version.member_class IS
'For members of this class (guest: of nobody); empty for every class.';
COMMENT ON COLUMN tariff_version.version IS
'1, 2, 3 … in the order they were set for this hub and class.';
COMMENT ON COLUMN tariff_version.from_at IS
'Sessions that start at or after this are charged it, until the next.';
COMMENT ON COLUMN tariff_version.name IS
'What people call it.';
COMMENT ON COLUMN tariff_version.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN tariff_version.document IS
'The OCPI tariff as canonical JSON.';
COMMENT ON COLUMN tariff_version.document_sha256 IS
'SHA-256 of document.';
COMMENT ON COLUMN tariff_version.corrects_id IS
'The version it takes the place of from the same instant on.';
COMMENT ON COLUMN tariff_version.resolution IS
'The resolution that adopted it.';
COMMENT ON COLUMN tariff_version.set_by IS
'Subject who set it.';
COMMENT ON COLUMN tariff_version.set_at IS
'When it was set.';

COMMENT ON TABLE member_class IS
'Which class a member is of on which days: what tariffs and votes may tell apart.';
COMMENT ON COLUMN member_class.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN member_class.id IS
'UUID version 7.';
COMMENT ON COLUMN member_class.member_id IS
'Who is of the class.';
COMMENT ON COLUMN member_class.class IS
'Lower-case name of the class; guest is nobody''s.';
COMMENT ON COLUMN member_class.from_on IS
'First day it counts, at the hub where it is asked for.';
COMMENT ON COLUMN member_class.to_on IS
'First day it no longer counts; null while no end is known. From = to: withdrawn.';
COMMENT ON COLUMN member_class.set_by IS
'Subject who set it.';
COMMENT ON COLUMN member_class.set_at IS
'When it was set.';
COMMENT ON COLUMN member_class.ended_by IS
'Subject who set the next class, or none.';

COMMENT ON TABLE interruption IS
'When a hub or port gave no power, or less, and why.';
COMMENT ON COLUMN interruption.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN interruption.id IS
'UUID version 7.';
COMMENT ON COLUMN interruption.hub_id IS
'Where.';
COMMENT ON COLUMN interruption.port_id IS
'Which port; null for the whole hub.';
COMMENT ON COLUMN interruption.from_at IS
'When it began.';
COMMENT ON COLUMN interruption.to_at IS
'When it was over; null while it lasts.';
COMMENT ON COLUMN interruption.cause IS
'OUTAGE_GRID, THROTTLED …: why.';
COMMENT ON COLUMN interruption.note IS
'What happened; may be empty.';
COMMENT ON COLUMN interruption.recorded_by IS
'Subject who recorded it.';
COMMENT ON COLUMN interruption.recorded_at IS
'When it was recorded.';
COMMENT ON COLUMN interruption.ended_by IS
'Subject who said when it was over.';

COMMENT ON TABLE charge IS
'What a session costs under a tariff; taken back or replaced by others, never changed.';
COMMENT ON COLUMN charge.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN charge.id IS
'UUID version 7.';
COMMENT ON COLUMN charge.session_id IS
'What it is for.';
COMMENT ON COLUMN charge.member_id IS
'Who owes it; null while nobody is known for the badge.';
COMMENT ON COLUMN charge.hub_id IS
'Where the session was.';
COMMENT ON COLUMN charge.tariff_version_id IS
'By which tariff.';
COMMENT ON COLUMN charge.effective_on IS
'Day it counts for in the books.';
COMMENT ON COLUMN charge.currency IS
'ISO 4217 code; the cooperative''s own.';
COMMENT ON COLUMN charge.net_minor IS
'Before tax: the sum of its lines; negative when it takes one back.';
COMMENT ON COLUMN charge.tax IS
'Exact, not rounded, in whole currency.';
COMMENT ON COLUMN charge.entry_id IS
'Its journal entry; null when there was nothing to post.';
COMMENT ON COLUMN charge.credit_of_id IS
'The charge that it takes back.';
COMMENT ON COLUMN charge.replaces_id IS
'The charge in whose place it came.';
COMMENT ON COLUMN charge.reason IS
'Why it was taken back or rated anew; empty for a first rating.';
COMMENT ON COLUMN charge.rated_by IS
'Subject on whose behalf.';
COMMENT ON COLUMN charge.rated_at IS
'When it was rated.';

COMMENT ON TABLE charge_line IS
'One priced part of a charge, with the element of the tariff that priced it.';
COMMENT ON COLUMN charge_line.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN charge_line.charge_id IS
'Whose line it is.';
COMMENT ON COLUMN charge_line.number IS
'Its place in the charge, from 1.';
COMMENT ON COLUMN charge_line.kind IS
'ENERGY, FLAT, TIME, PARKING_TIME …: what is priced.';
COMMENT ON COLUMN charge_line.element IS
'Position of the tariff''s element that priced it, from 0.';
COMMENT ON COLUMN charge_line.description IS
'What it is, for a person.';
COMMENT ON COLUMN charge_line.quantity IS
'How much, in unit.';
COMMENT ON COLUMN charge_line.unit IS
'kWh | h | session.';
COMMENT ON COLUMN charge_line.unit_price IS
'Price of one unit before tax.';
COMMENT ON COLUMN charge_line.net_minor IS
'Before tax, rounded once; negative when it takes one back.';
COMMENT ON COLUMN charge_line.taxes IS
'[{name, percent}]; percent as text.';
COMMENT ON COLUMN charge_line.tax IS
'Exact, not rounded, in whole currency.';

COMMENT ON COLUMN charging_session.amount_minor IS
'What is charged for it before tax; negative for a credit.';
COMMENT ON COLUMN charging_session.tariff_version_id IS
'The tariff it is charged by.';
COMMENT ON COLUMN charging_session.session_ref IS
'The platform''s id of the session that the CDR is of.';

-- Everything is seen in one cooperative at a time; nothing is deleted.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'tariff_version', 'member_class', 'interruption', 'charge', 'charge_line'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO coop_app', v_table);
    END LOOP;
END $$;

-- What may change: the end of a class and of an interruption, and under what a session is charged now.
GRANT UPDATE (to_on, ended_by) ON member_class TO coop_app;
GRANT UPDATE (to_at, ended_by) ON interruption TO coop_app;
GRANT UPDATE (amount_minor, tariff_version_id) ON charging_session TO coop_app;
