-- Cooperatives, their members, the people who act for them, and the tokens of machines. Small tables: on a
-- distributed cluster `cooperative` and `person_role` are reference tables, the others are distributed.

CREATE TABLE cooperative (
    cooperative_id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    time_zone text NOT NULL,
    last_member_number bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_cooperative PRIMARY KEY (cooperative_id),
    CONSTRAINT uq_cooperative_slug UNIQUE (slug),
    CONSTRAINT ck_cooperative_slug CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$'),
    CONSTRAINT ck_cooperative_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_cooperative_last_member_number CHECK (last_member_number >= 0)
);

CREATE TABLE member (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    number text COLLATE "C" NOT NULL,
    name text NOT NULL,
    email text,
    joined_on date NOT NULL,
    left_on date,
    CONSTRAINT pk_member PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_member_cooperative_id_number UNIQUE (cooperative_id, number),
    CONSTRAINT ck_member_left_on CHECK (left_on > joined_on),
    CONSTRAINT fk_member_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);

CREATE TABLE person_role (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    subject text NOT NULL,
    role text NOT NULL,
    member_id uuid,
    grant_id uuid,
    from_on date NOT NULL,
    to_on date,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL,
    ended_by text,
    ended_at timestamptz,
    CONSTRAINT pk_person_role PRIMARY KEY (cooperative_id, id),
    CONSTRAINT ck_person_role_role CHECK (
        role IN ('OPERATOR', 'BOARD', 'TREASURER', 'GRANT_ADMINISTRATOR', 'AUDITOR', 'ADMINISTRATOR')
    ),
    CONSTRAINT ck_person_role_member_id CHECK ((role = 'OPERATOR') = (member_id IS NOT NULL)),
    CONSTRAINT ck_person_role_grant_id CHECK (grant_id IS NULL OR role = 'GRANT_ADMINISTRATOR'),
    CONSTRAINT ck_person_role_to_on CHECK (to_on >= from_on),
    CONSTRAINT ck_person_role_subject CHECK (subject <> ''),
    CONSTRAINT fk_person_role_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id),
    CONSTRAINT fk_person_role_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id)
);
CREATE INDEX ix_person_role_subject ON person_role (subject);
CREATE INDEX ix_person_role_member ON person_role (cooperative_id, member_id);
CREATE UNIQUE INDEX uq_person_role_open ON person_role (cooperative_id, subject, role, member_id, grant_id)
NULLS NOT DISTINCT WHERE to_on IS NULL;

CREATE TABLE access_token (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    token_sha256 bytea NOT NULL,
    name text NOT NULL,
    subject text NOT NULL,
    scopes text[] NOT NULL,
    grant_ids uuid[] NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_by text,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT pk_access_token PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_access_token_cooperative_id_token_sha256 UNIQUE (cooperative_id, token_sha256),
    CONSTRAINT ck_access_token_token_sha256 CHECK (octet_length(token_sha256) = 32),
    CONSTRAINT ck_access_token_scopes CHECK (
        cardinality(scopes) > 0
        AND scopes <@ ARRAY['grant:read', 'report:read', 'report:request']::text[]
    ),
    CONSTRAINT ck_access_token_grant_ids CHECK (cardinality(grant_ids) > 0),
    CONSTRAINT ck_access_token_expires_at CHECK (
        expires_at > created_at AND expires_at <= created_at + interval '366 days'
    ),
    CONSTRAINT fk_access_token_cooperative_cooperative_id FOREIGN KEY (cooperative_id)
    REFERENCES cooperative (cooperative_id)
);

COMMENT ON TABLE cooperative IS
'A cooperative: one tenant, one set of books.';
COMMENT ON COLUMN cooperative.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN cooperative.slug IS
'Its name in addresses and on the command line; unique among all cooperatives.';
COMMENT ON COLUMN cooperative.name IS
'Its full name, as on documents.';
COMMENT ON COLUMN cooperative.currency IS
'ISO 4217 code of the currency its books are kept in.';
COMMENT ON COLUMN cooperative.time_zone IS
'IANA time zone whose days are its days.';
COMMENT ON COLUMN cooperative.last_member_number IS
'The last member number given out; locking it also makes role changes take turns.';
COMMENT ON COLUMN cooperative.created_at IS
'When it was set up here.';

COMMENT ON TABLE member IS
'A member of a cooperative: who owns it, charges at it and owes it.';
COMMENT ON COLUMN member.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN member.id IS
'UUID version 7.';
COMMENT ON COLUMN member.number IS
'Its number, unique in the cooperative; members are listed by it.';
COMMENT ON COLUMN member.name IS
'Whom the member is called on bills and statements.';
COMMENT ON COLUMN member.email IS
'Where it is written to, if known.';
COMMENT ON COLUMN member.joined_on IS
'First day of membership.';
COMMENT ON COLUMN member.left_on IS
'First day no longer a member; null while it is one.';

COMMENT ON TABLE person_role IS
'Who may be what, where, on which days; ended by dating, never deleted.';
COMMENT ON COLUMN person_role.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN person_role.id IS
'UUID version 7.';
COMMENT ON COLUMN person_role.subject IS
'Who holds the role: the sub of their tokens.';
COMMENT ON COLUMN person_role.role IS
'What they may be; coop/members/domain/policy.py says what that lets them do.';
COMMENT ON COLUMN person_role.member_id IS
'The member an operator acts for; null for all other roles.';
COMMENT ON COLUMN person_role.grant_id IS
'The one grant a grant administrator is held to, if any.';
COMMENT ON COLUMN person_role.from_on IS
'First day the role counts, in the cooperative''s time zone.';
COMMENT ON COLUMN person_role.to_on IS
'First day it no longer counts; null while no end is known.';
COMMENT ON COLUMN person_role.granted_by IS
'Subject who granted it.';
COMMENT ON COLUMN person_role.granted_at IS
'When it was granted.';
COMMENT ON COLUMN person_role.ended_by IS
'Subject who ended it, or set another end.';
COMMENT ON COLUMN person_role.ended_at IS
'When that was done.';

COMMENT ON TABLE access_token IS
'Opaque tokens for machines of grant administrators: scoped, expiring, revocable.';
COMMENT ON COLUMN access_token.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN access_token.id IS
'UUID version 7.';
COMMENT ON COLUMN access_token.token_sha256 IS
'SHA-256 of the token''s text; the token itself is kept nowhere.';
COMMENT ON COLUMN access_token.name IS
'What its holder uses it for.';
COMMENT ON COLUMN access_token.subject IS
'Whose roles it narrows.';
COMMENT ON COLUMN access_token.scopes IS
'What it may do at most.';
COMMENT ON COLUMN access_token.grant_ids IS
'The grants it is limited to.';
COMMENT ON COLUMN access_token.created_by IS
'Subject who made it.';
COMMENT ON COLUMN access_token.created_at IS
'When it was made.';
COMMENT ON COLUMN access_token.expires_at IS
'From when it is refused; at most a year after it was made.';
COMMENT ON COLUMN access_token.revoked_by IS
'Subject who withdrew it.';
COMMENT ON COLUMN access_token.revoked_at IS
'When it was withdrawn; never taken back.';
COMMENT ON COLUMN access_token.last_used_at IS
'When it was last used, to the minute.';

-- Who sees which rows. A person may act in several cooperatives, so their own roles, and the cooperatives where they
-- hold one, are seen by subject; everything else is seen in one cooperative at a time. The service itself (its command
-- line and workers bind the subject `system`, which no token can carry) may list cooperatives.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['cooperative', 'member', 'person_role', 'access_token'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO coop_app', v_table);
    END LOOP;
END $$;
CREATE POLICY own_roles ON person_role FOR SELECT USING (subject = (SELECT coop_subject()));
CREATE POLICY where_roles_are ON cooperative FOR SELECT USING (
    EXISTS (
        SELECT 1 FROM person_role AS r
        WHERE r.cooperative_id = cooperative.cooperative_id AND r.subject = (SELECT coop_subject())
    )
);
CREATE POLICY of_the_service ON cooperative FOR SELECT USING ((SELECT coop_subject()) = 'system');

-- Nothing here is deleted. A member's name may be corrected; a number, once given, stays.
GRANT UPDATE (name, last_member_number) ON cooperative TO coop_app;
GRANT UPDATE (name, email, left_on) ON member TO coop_app;
GRANT UPDATE (to_on, ended_by, ended_at) ON person_role TO coop_app;
GRANT UPDATE (revoked_by, revoked_at, last_used_at) ON access_token TO coop_app;
