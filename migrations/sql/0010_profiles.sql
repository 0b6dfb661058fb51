-- Who a cooperative and its members are on paper, from which day on.

CREATE TABLE cooperative_profile (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    from_on date NOT NULL,
    legal_name text NOT NULL,
    lines text[] NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    register_number text,
    vat_id text,
    tax_number text,
    email text,
    phone text,
    iban text,
    bic text,
    payment_days bigint NOT NULL,
    dispute_days bigint NOT NULL,
    taxes jsonb NOT NULL,
    exemption text,
    note text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_cooperative_profile PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_cooperative_profile_country CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT ck_cooperative_profile_payment_days CHECK (payment_days BETWEEN 0 AND 365),
    CONSTRAINT ck_cooperative_profile_dispute_days CHECK (dispute_days BETWEEN 0 AND 365),
    CONSTRAINT fk_cooperative_profile_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);
CREATE INDEX ix_cooperative_profile_from_on ON cooperative_profile (cooperative_id, from_on, id);

CREATE TABLE member_profile (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    from_on date NOT NULL,
    legal_name text NOT NULL,
    lines text[] NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    vat_id text,
    email text,
    buyer_reference text,
    locale text,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_member_profile PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_member_profile_country CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT fk_member_profile_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_member_profile_from_on ON member_profile (cooperative_id, member_id, from_on, id);

COMMENT ON TABLE cooperative_profile IS
'Who the cooperative is on paper, from a day on; never changed, only followed.';
COMMENT ON COLUMN cooperative_profile.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN cooperative_profile.id IS
'UUID version 7.';
COMMENT ON COLUMN cooperative_profile.from_on IS
'First day it counts, until a later one does.';
COMMENT ON COLUMN cooperative_profile.legal_name IS
'Its name as it is registered.';
COMMENT ON COLUMN cooperative_profile.lines IS
'Its address before the postal code.';
COMMENT ON COLUMN cooperative_profile.postal_code IS
'Postal code of its address.';
COMMENT ON COLUMN cooperative_profile.city IS
'Town of its address.';
COMMENT ON COLUMN cooperative_profile.country IS
'Country of its address, ISO 3166-1 alpha-2.';
COMMENT ON COLUMN cooperative_profile.register_number IS
'Its number in the register of companies.';
COMMENT ON COLUMN cooperative_profile.vat_id IS
'Its VAT number with the country before it.';
COMMENT ON COLUMN cooperative_profile.tax_number IS
'Its national tax number, where it has no VAT number.';
COMMENT ON COLUMN cooperative_profile.email IS
'Where it is written to.';
COMMENT ON COLUMN cooperative_profile.phone IS
'Where it is called.';
COMMENT ON COLUMN cooperative_profile.iban IS
'The account that members pay to.';
COMMENT ON COLUMN cooperative_profile.bic IS
'The bank of that account.';
COMMENT ON COLUMN cooperative_profile.payment_days IS
'Days from issue until a bill is due.';
COMMENT ON COLUMN cooperative_profile.dispute_days IS
'Days from issue until which a bill is disputed.';
COMMENT ON COLUMN cooperative_profile.taxes IS
'Taxes charged where nothing else is said.';
COMMENT ON COLUMN cooperative_profile.exemption IS
'Why no tax is charged where none is.';
COMMENT ON COLUMN cooperative_profile.note IS
'What closes its documents.';
COMMENT ON COLUMN cooperative_profile.set_by IS
'Subject who set it.';
COMMENT ON COLUMN cooperative_profile.set_at IS
'When it was set.';

COMMENT ON TABLE member_profile IS
'Who a member is on paper, from a day on; never changed, only followed.';
COMMENT ON COLUMN member_profile.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN member_profile.id IS
'UUID version 7.';
COMMENT ON COLUMN member_profile.member_id IS
'Whose profile it is.';
COMMENT ON COLUMN member_profile.from_on IS
'First day it counts, until a later one does.';
COMMENT ON COLUMN member_profile.legal_name IS
'Its name as it is registered.';
COMMENT ON COLUMN member_profile.lines IS
'Its address before the postal code.';
COMMENT ON COLUMN member_profile.postal_code IS
'Postal code of its address.';
COMMENT ON COLUMN member_profile.city IS
'Town of its address.';
COMMENT ON COLUMN member_profile.country IS
'Country of its address, ISO 3166-1 alpha-2.';
COMMENT ON COLUMN member_profile.vat_id IS
'Its VAT number with the country before it.';
COMMENT ON COLUMN member_profile.email IS
'Where its bills are sent.';
COMMENT ON COLUMN member_profile.buyer_reference IS
'What its own books want to be quoted.';
COMMENT ON COLUMN member_profile.locale IS
'Language and conventions of its documents, as de_CH.';
COMMENT ON COLUMN member_profile.set_by IS
'Subject who set it.';
COMMENT ON COLUMN member_profile.set_at IS
'When it was set.';

-- Everything is seen in one cooperative at a time; nothing is changed or deleted.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['cooperative_profile', 'member_profile'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO coop_app', v_table);
    END LOOP;
END $$;
