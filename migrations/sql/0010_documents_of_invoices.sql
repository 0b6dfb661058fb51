-- The files of invoices beside those of statements: each file belongs to exactly one of either.
ALTER TABLE document ALTER COLUMN statement_id DROP NOT NULL;
ALTER TABLE document ADD COLUMN invoice_id uuid;
ALTER TABLE document ADD CONSTRAINT ck_document_of CHECK (num_nonnulls(statement_id, invoice_id) = 1);
ALTER TABLE document ADD CONSTRAINT uq_document_cooperative_id_invoice_id_locale_media_type UNIQUE
(cooperative_id, invoice_id, locale, media_type);
ALTER TABLE document ADD CONSTRAINT fk_document_invoice_cooperative_id_invoice_id FOREIGN KEY
(cooperative_id, invoice_id) REFERENCES invoice (cooperative_id, id);

COMMENT ON TABLE document IS
'Files of issued statements and invoices; the store keeps their bytes.';
COMMENT ON COLUMN document.statement_id IS
'The statement it is a drawing of, if it is of one.';
COMMENT ON COLUMN document.invoice_id IS
'The invoice it is a drawing of, if it is of one.';
