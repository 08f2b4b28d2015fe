-- A journal as version 3 wrote it (the release at 7d478ae): schema and rows. Frozen: it shows that old journals open.
PRAGMA application_id = 1162039857;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        operation INTEGER REFERENCES operations (id),
        terminal TEXT NOT NULL,
        time TEXT NOT NULL,
        name TEXT NOT NULL,
        data TEXT NOT NULL);
INSERT INTO "events" VALUES(1,1,'till-1','2026-11-23T17:44:00.000000+00:00','sending','{"baseline":"","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(2,1,'till-1','2026-11-23T17:44:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(3,1,'till-1','2026-11-23T17:44:20.000000+00:00','answered','{"code":"E","late":false,"message":"31323334353637383045303030303030303030303030303030303031323334434c4931323334353633323731383434323030303030303030303031303030303431303030303037","stan":"000041"}');
INSERT INTO "events" VALUES(4,1,'till-1','2026-11-23T17:44:20.000000+00:00','finished','{"answer":"result","evidence":null,"outcome":"approved","reason":null}');
INSERT INTO "events" VALUES(5,2,'till-1','2026-11-23T17:45:00.000000+00:00','sending','{"baseline":"31323334353637383045303030303030303030303030303030303031323334434c4931323334353633323731383434323030303030303030303031303030303431303030303037","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(6,2,'till-1','2026-11-23T17:45:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(7,2,'till-1','2026-11-23T17:45:20.000000+00:00','answered','{"code":"E","late":false,"message":"3132333435363738304530314e45474154412020202020202020202020202020202020203030303030303030303030323030303030303030303031303030303432303030303037","stan":"000042"}');
INSERT INTO "events" VALUES(8,2,'till-1','2026-11-23T17:45:20.000000+00:00','finished','{"answer":"result","evidence":null,"outcome":"declined","reason":"NEGATA"}');
INSERT INTO "events" VALUES(9,3,'till-1','2026-11-23T17:46:00.000000+00:00','sending','{"baseline":"3132333435363738304530314e45474154412020202020202020202020202020202020203030303030303030303030323030303030303030303031303030303432303030303037","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(10,3,'till-1','2026-11-23T17:46:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(11,3,'till-1','2026-11-23T17:51:00.000000+00:00','finished','{"answer":null,"evidence":"no answer","outcome":"unresolved","reason":null}');
INSERT INTO "events" VALUES(12,4,'till-1','2026-11-23T17:47:00.000000+00:00','sending','{"baseline":"3132333435363738304530314e45474154412020202020202020202020202020202020203030303030303030303030323030303030303030303031303030303432303030303037","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(13,4,'till-1','2026-11-23T17:47:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(14,4,'till-1','2026-11-23T17:50:00.000000+00:00','recovering','{"evidence":"the result was lost"}');
INSERT INTO "events" VALUES(15,5,'till-1','2026-11-23T17:48:00.000000+00:00','sending','{"baseline":"3132333435363738304530314e45474154412020202020202020202020202020202020203030303030303030303030323030303030303030303031303030303432303030303037","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(16,5,'till-1','2026-11-23T17:48:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(17,5,'till-1','2026-11-23T17:53:00.000000+00:00','finished','{"answer":null,"evidence":"no answer","outcome":"unresolved","reason":null}');
INSERT INTO "events" VALUES(18,5,'till-1','2026-11-23T17:57:00.000000+00:00','resolved','{"by":"Anna","note":"receipt in the drawer","outcome":"approved"}');
INSERT INTO "events" VALUES(19,NULL,'till-1','2026-11-23T17:59:00.000000+00:00','stray','{"message":"31323334353637383045303030303030303030303030303030303031323334434c4936353433323133323731383434323030303030303030303031303030303433303030303037","reason":"nothing in flight","stan":"000043"}');
INSERT INTO "events" VALUES(20,2,'till-1','2026-11-23T18:00:00.000000+00:00','stray','{"reason":"not an answer","stan":null}');
INSERT INTO "events" VALUES(21,6,'till-1','2026-11-23T18:04:00.000000+00:00','sending','{"baseline":"","code":"p","message":"3132333435363738307030303030303030313030303030303030303530303020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(22,6,'till-1','2026-11-23T18:04:00.000000+00:00','accepted','{"code":"p"}');
INSERT INTO "events" VALUES(23,6,'till-1','2026-11-23T18:04:20.000000+00:00','answered','{"code":"e","late":false,"message":"31323334353637383065303030303030303030303030303030303031323334434c49313233343536303030303530303030303030303031323330303033323731383434303030323030303030303030303031303030303434303030303037303030303030303030303030","stan":"000044"}');
INSERT INTO "events" VALUES(24,6,'till-1','2026-11-23T18:04:20.000000+00:00','finished','{"answer":"result","evidence":null,"outcome":"approved","reason":null}');
INSERT INTO "events" VALUES(25,7,'till-1','2026-11-23T18:05:00.000000+00:00','sending','{"baseline":"","code":"c","message":"3132333435363738306330303030303030313030303030303030303435303020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303132333030303030303030","transmission":1}');
INSERT INTO "events" VALUES(26,7,'till-1','2026-11-23T18:05:00.000000+00:00','accepted','{"code":"c"}');
INSERT INTO "events" VALUES(27,7,'till-1','2026-11-23T18:05:20.000000+00:00','answered','{"code":"c","late":false,"message":"31323334353637383063303030303030303030303030303030303031323334434c4931323334353633323731383434323030303030303030303031303030303435303030303037303030","stan":"000045"}');
INSERT INTO "events" VALUES(28,7,'till-1','2026-11-23T18:05:20.000000+00:00','finished','{"answer":"result","evidence":null,"outcome":"approved","reason":null}');
INSERT INTO "events" VALUES(29,8,'till-2','2026-11-23T18:06:00.000000+00:00','sending','{"baseline":"","code":"P","message":"3030303030303030305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(30,8,'till-2','2026-11-23T18:06:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(31,8,'till-2','2026-11-23T18:06:20.000000+00:00','answered','{"code":"E","late":false,"message":"30303030303030303045303030303030303030303030303030303031323334434c4931323334353633323731383434323030303030303030303031303030303035303030303037","stan":"000005"}');
INSERT INTO "events" VALUES(32,8,'till-2','2026-11-23T18:06:20.000000+00:00','finished','{"answer":"result","evidence":null,"outcome":"approved","reason":null}');
INSERT INTO "events" VALUES(33,9,'till-1','2026-11-23T18:07:00.000000+00:00','sending','{"baseline":"","code":"T","message":"3132333435363738305430303030303030313030303030303030","transmission":1}');
INSERT INTO "events" VALUES(34,9,'till-1','2026-11-23T18:07:00.000000+00:00','accepted','{"code":"T"}');
INSERT INTO "events" VALUES(35,9,'till-1','2026-11-23T18:07:20.000000+00:00','answered','{"code":"T","late":false,"message":"31323334353637383054303030303030303030303030303030363530303030303030","stan":null}');
INSERT INTO "events" VALUES(36,9,'till-1','2026-11-23T18:07:20.000000+00:00','finished','{"answer":null,"evidence":null,"outcome":"done","reason":null}');
INSERT INTO "events" VALUES(37,10,'till-1','2026-11-23T18:08:00.000000+00:00','sending','{"baseline":"","code":"P","message":"3132333435363738305030303030303030313030303030303030303036353020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020203030303030303030","transmission":1}');
INSERT INTO "events" VALUES(38,10,'till-1','2026-11-23T18:08:00.000000+00:00','accepted','{"code":"P"}');
INSERT INTO "events" VALUES(39,10,'till-1','2026-11-23T18:08:00.000000+00:00','answered','{"code":"E","late":false,"message":"4500","stan":null}');
INSERT INTO "events" VALUES(40,10,'till-1','2026-11-23T18:08:00.000000+00:00','callback','{"url":"http://127.0.0.1:9/told"}');
INSERT INTO "events" VALUES(41,1,'till-1','2026-11-23T17:44:00.000000+00:00','callback','{"url":"http://127.0.0.1:9/told"}');
INSERT INTO "events" VALUES(42,1,'till-1','2026-11-23T17:44:00.000000+00:00','callback_done','{"outcome":"approved","status":200,"step":"FINAL"}');
INSERT INTO "events" VALUES(43,NULL,'till-1','2026-11-23T17:44:00.000000+00:00','pinned','{"terminal_id":"12345678"}');
INSERT INTO "events" VALUES(44,NULL,'till-1','2026-11-23T17:44:00.000000+00:00','condition','{"condition":"ready"}');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE open_callbacks (operation INTEGER PRIMARY KEY REFERENCES operations (id));
INSERT INTO "open_callbacks" VALUES(10);
CREATE TABLE operations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        reference TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        terminal TEXT NOT NULL,
        terminal_id TEXT NOT NULL,
        amount INTEGER,
        parameters TEXT NOT NULL,
        parameters_hash TEXT NOT NULL,
        created_time TEXT NOT NULL);
INSERT INTO "operations" VALUES(1,'approved','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T17:44:00.000000+00:00');
INSERT INTO "operations" VALUES(2,'declined','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T17:45:00.000000+00:00');
INSERT INTO "operations" VALUES(3,'unresolved','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T17:46:00.000000+00:00');
INSERT INTO "operations" VALUES(4,'recovering','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T17:47:00.000000+00:00');
INSERT INTO "operations" VALUES(5,'resolved','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T17:48:00.000000+00:00');
INSERT INTO "operations" VALUES(6,'opened','preauthorize','till-1','',5000,'{"amount":5000,"card_present":false,"cash_register_id":"00000001","kind":"preauthorize","payment_type":0,"receipt_text":""}','d2d02c7fdbc99484c7caa4d7ff3dae72bbdc25eab66185c63421dcd27f362986','2026-11-23T18:04:00.000000+00:00');
INSERT INTO "operations" VALUES(7,'captured','capture','till-1','',4500,'{"amount":4500,"cash_register_id":"00000001","kind":"capture","preauthorization_code":"000000123","receipt_text":"","target":"opened"}','9d2b04ea817e75bc65608855fd7640172a76426d7e4ac59d1c1c9288b3125150','2026-11-23T18:05:00.000000+00:00');
INSERT INTO "operations" VALUES(8,'nameless','purchase','till-2','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T18:06:00.000000+00:00');
INSERT INTO "operations" VALUES(9,'totals','totals','till-1','',NULL,'{"cash_register_id":"00000001","kind":"totals"}','5e08a831cf033476c703db4e6319a62bdee2c12d79512656e130c8a11e3adf60','2026-11-23T18:07:00.000000+00:00');
INSERT INTO "operations" VALUES(10,'damaged','purchase','till-1','',650,'{"amount":650,"card_present":false,"cash_register_id":"00000001","kind":"purchase","payment_type":0,"receipt_text":""}','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','2026-11-23T18:08:00.000000+00:00');
CREATE TABLE reference_hashes (
        reference TEXT PRIMARY KEY,
        parameters_hash TEXT NOT NULL,
        kind TEXT NOT NULL,
        terminal TEXT NOT NULL,
        amount INTEGER,
        outcome TEXT,
        created_time TEXT NOT NULL);
INSERT INTO "reference_hashes" VALUES('pruned','749a0e1cf75ed111a46a36f2dc0b72d9984eb1c64a3c2c0dce971032c5ef98fb','purchase','till-1',650,'approved','2025-10-19T17:44:00.000000+00:00');
CREATE TABLE unsettled (operation INTEGER PRIMARY KEY REFERENCES operations (id), terminal TEXT NOT NULL);
INSERT INTO "unsettled" VALUES(3,'till-1');
INSERT INTO "unsettled" VALUES(4,'till-1');
INSERT INTO "unsettled" VALUES(10,'till-1');
CREATE INDEX operations_of_terminal ON operations (terminal);
CREATE INDEX events_of_operation ON events (operation);
CREATE INDEX events_of_terminal ON events (terminal, name);
CREATE VIEW operation_states AS
        SELECT operations.*,
            CASE WHEN events.name IS NULL THEN 'queued' WHEN events.name IN ('finished', 'resolved') THEN 'finished'
                ELSE events.name END AS state,
            CASE WHEN events.name IN ('finished', 'resolved') THEN json_extract(events.data, '$.outcome') END AS outcome,
            CASE WHEN events.name IN ('finished', 'resolved') THEN events.time END AS finished_time
        FROM operations LEFT JOIN events ON events.id = coalesce(
            (SELECT min(id) FROM events WHERE operation = operations.id AND name IN ('finished', 'resolved')
                AND json_extract(data, '$.outcome') <> 'unresolved'),
            (SELECT max(id) FROM events WHERE operation = operations.id
                AND name IN ('sending', 'accepted', 'recovering', 'finished', 'resolved')));
CREATE TRIGGER operations_not_updated BEFORE UPDATE ON operations
            BEGIN SELECT RAISE(ABORT, 'operations are never changed'); END;
CREATE TRIGGER events_not_updated BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER reference_hashes_not_updated BEFORE UPDATE ON reference_hashes
            BEGIN SELECT RAISE(ABORT, 'reference_hashes are never changed'); END;
CREATE TRIGGER operations_not_deleted BEFORE DELETE ON operations WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'retention')
            BEGIN SELECT RAISE(ABORT, 'operations are never deleted but by retention'); END;
CREATE TRIGGER events_not_deleted BEFORE DELETE ON events WHEN NOT EXISTS (SELECT 1 FROM meta WHERE name = 'retention')
            BEGIN SELECT RAISE(ABORT, 'events are never deleted but by retention'); END;
CREATE TRIGGER reference_hashes_not_deleted BEFORE DELETE ON reference_hashes
        BEGIN SELECT RAISE(ABORT, 'references are never deleted'); END;
CREATE TRIGGER references_used_once BEFORE INSERT ON operations
        WHEN EXISTS (SELECT 1 FROM reference_hashes WHERE reference = NEW.reference)
        BEGIN SELECT RAISE(ABORT, 'reference taken'); END;
CREATE TRIGGER operations_begin_unsettled AFTER INSERT ON operations
        BEGIN INSERT INTO unsettled VALUES (NEW.id, NEW.terminal); END;
CREATE TRIGGER events_settle AFTER INSERT ON events
        WHEN NEW.name IN ('finished', 'resolved') AND json_extract(NEW.data, '$.outcome') <> 'unresolved'
        BEGIN DELETE FROM unsettled WHERE operation = NEW.operation; END;
CREATE TRIGGER unsettled_operations_stay BEFORE DELETE ON operations WHEN OLD.id IN (SELECT operation FROM unsettled)
        BEGIN SELECT RAISE(ABORT, 'unsettled operations are never deleted'); END;
CREATE TRIGGER unsettled_events_stay BEFORE DELETE ON events WHEN OLD.operation IN (SELECT operation FROM unsettled)
        BEGIN SELECT RAISE(ABORT, 'events of unsettled operations are never deleted'); END;
CREATE TRIGGER callbacks_begin AFTER INSERT ON events WHEN NEW.name = 'callback' AND NEW.operation IS NOT NULL
        BEGIN INSERT OR IGNORE INTO open_callbacks VALUES (NEW.operation); END;
CREATE TRIGGER callbacks_end AFTER INSERT ON events
        WHEN NEW.name = 'callback_done' AND json_extract(NEW.data, '$.step') = 'FINAL'
            AND json_extract(NEW.data, '$.outcome') <> 'unresolved'
        BEGIN DELETE FROM open_callbacks WHERE operation = NEW.operation; END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('operations',11);
INSERT INTO "sqlite_sequence" VALUES('events',48);
COMMIT;
