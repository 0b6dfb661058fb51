-- Tariffs that were charged by, what was charged, and rows that were refused stay written, whoever comes.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON tariff_version
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON tariff_version
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON charge
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON charge
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON charge_line
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON charge_line
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON import_rejection
FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON import_rejection
FOR EACH STATEMENT EXECUTE FUNCTION append_only();
