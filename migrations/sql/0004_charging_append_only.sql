-- Prices that were charged by and rows that were refused stay written, whoever comes.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON hub_price
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON hub_price
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON import_rejection
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON import_rejection
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
