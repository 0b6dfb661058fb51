-- Statements as issued, and the files that were drawn of them.

CREATE TABLE statement (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    number bigint NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    currency text NOT NULL,
    opening_minor bigint NOT NULL,
    closing_minor bigint NOT NULL,
    entry_count bigint NOT NULL,
    content_sha256 bytea NOT NULL,
    seal_number bigint,
    previous_id uuid,
    supersedes_id uuid,
    program_version text NOT NULL,
    CONSTRAINT pk_statement PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_statement_cooperative_id_member_id_number UNIQUE
    (cooperative_id, member_id, number),
    CONSTRAINT uq_statement_cooperative_id_supersedes_id UNIQUE (cooperative_id, supersedes_id),
    CONSTRAINT ck_statement_number CHECK (number > 0),
    CONSTRAINT ck_statement_to_on CHECK (to_on > from_on),
    CONSTRAINT ck_statement_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_statement_entry_count CHECK (entry_count >= 0),
    CONSTRAINT ck_statement_content_sha256 CHECK (octet_length(content_sha256) = 32),
    CONSTRAINT fk_statement_member_cooperative_id_member_id FOREIGN KEY (cooperative_id, member_id)
    REFERENCES member (cooperative_id, id),
    CONSTRAINT fk_statement_previous FOREIGN KEY (cooperative_id, previous_id)
    REFERENCES statement (cooperative_id, id),
    CONSTRAINT fk_statement_supersedes FOREIGN KEY (cooperative_id, supersedes_id)
    REFERENCES statement (cooperative_id, id)
);
CREATE INDEX ix_statement_period ON statement (cooperative_id, member_id, to_on, number);

CREATE TABLE document (
    cooperative_id uuid NOT NULL,
    id uuid NOT NULL,
    statement_id uuid NOT NULL,
    locale text NOT NULL,
    media_type text NOT NULL,
    file_name text NOT NULL,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL,
    stored_as text NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT pk_document PRIMARY KEY (cooperative_id, id),
    CONSTRAINT uq_document_cooperative_id_statement_id_locale_media_type UNIQUE
    (cooperative_id, statement_id, locale, media_type),
    CONSTRAINT ck_document_size_bytes CHECK (size_bytes > 0),
    CONSTRAINT ck_document_sha256 CHECK (octet_length(sha256) = 32),
    CONSTRAINT fk_document_statement_cooperative_id_statement_id FOREIGN KEY
    (cooperative_id, statement_id) REFERENCES statement (cooperative_id, id)
);

COMMENT ON TABLE statement IS
'Statements as issued: never changed, only superseded by a later one.';
COMMENT ON COLUMN statement.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN statement.id IS
'UUID version 7.';
COMMENT ON COLUMN statement.member_id IS
'Whose statement it is.';
COMMENT ON COLUMN statement.number IS
'1, 2, 3 … for each member, without gaps.';
COMMENT ON COLUMN statement.from_on IS
'First day it covers.';
COMMENT ON COLUMN statement.to_on IS
'First day it no longer covers.';
COMMENT ON COLUMN statement.issued_at IS
'When it was issued.';
COMMENT ON COLUMN statement.issued_by IS
'Subject who had it issued.';
COMMENT ON COLUMN statement.currency IS
'ISO 4217 code of its amounts.';
COMMENT ON COLUMN statement.opening_minor IS
'What the member owed before (+), or was owed (−).';
COMMENT ON COLUMN statement.closing_minor IS
'What the member owes after (+), or is owed (−).';
COMMENT ON COLUMN statement.entry_count IS
'How many lines it has.';
COMMENT ON COLUMN statement.content_sha256 IS
'SHA-256 of what it says, whenever it was issued.';
COMMENT ON COLUMN statement.seal_number IS
'The newest seal when it was issued; null before any.';
COMMENT ON COLUMN statement.previous_id IS
'The statement whose closing is its opening, if any.';
COMMENT ON COLUMN statement.supersedes_id IS
'The statement of the same period it replaces, if any.';
COMMENT ON COLUMN statement.program_version IS
'The version of this program that drew it.';
COMMENT ON TABLE document IS
'Files of issued statements; the store keeps their bytes, this their hash.';
COMMENT ON COLUMN document.cooperative_id IS
'Whose row this is; row-level security shows it to nobody else.';
COMMENT ON COLUMN document.id IS
'UUID version 7.';
COMMENT ON COLUMN document.statement_id IS
'What it is a drawing of.';
COMMENT ON COLUMN document.locale IS
'In which language and conventions, as de_CH.';
COMMENT ON COLUMN document.media_type IS
'What kind of file it is.';
COMMENT ON COLUMN document.file_name IS
'What it is called when it is downloaded.';
COMMENT ON COLUMN document.sha256 IS
'SHA-256 of the file.';
COMMENT ON COLUMN document.size_bytes IS
'Size of the file.';
COMMENT ON COLUMN document.stored_as IS
'Its key in the store of documents.';
COMMENT ON COLUMN document.stored_at IS
'When it was stored.';

-- Everything is seen in one cooperative at a time; nothing is changed or deleted.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['statement', 'document'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format(
            'CREATE POLICY tenant ON %I USING (cooperative_id = (SELECT coop_current())) '
            'WITH CHECK (cooperative_id = (SELECT coop_current()))', v_table
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO coop_app', v_table);
    END LOOP;
END $$;
