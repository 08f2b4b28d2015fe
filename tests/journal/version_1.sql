-- A journal as version 1 wrote it: schema and rows. Frozen: it shows that old journals open.
PRAGMA application_id = 1162039857;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        operation INTEGER REFERENCES operations (id),
        terminal TEXT NOT NULL,
        time TEXT NOT NULL,
        name TEXT NOT NULL,
        data TEXT NOT NULL);
INSERT INTO "events" VALUES(1,1,'till-1','2026-11-23T17:44:00.000000+00:00','sending','{"message":"50","transmission":1}');
INSERT INTO "events" VALUES(2,1,'till-1','2026-11-23T17:44:00.000000+00:00','accepted','{}');
INSERT INTO "events" VALUES(3,1,'till-1','2026-11-23T17:44:00.000000+00:00','answered','{"message":"45","stan":"000042"}');
INSERT INTO "events" VALUES(4,1,'till-1','2026-11-23T17:44:00.000000+00:00','finished','{"outcome":"approved","reason":null}');
INSERT INTO "events" VALUES(5,2,'till-1','2026-11-23T17:45:00.000000+00:00','sending','{"message":"50","transmission":1}');
INSERT INTO "events" VALUES(6,2,'till-1','2026-11-23T17:45:00.000000+00:00','accepted','{}');
INSERT INTO "events" VALUES(7,2,'till-1','2026-11-23T17:45:00.000000+00:00','answered','{"message":"45","stan":"000043"}');
INSERT INTO "events" VALUES(8,2,'till-1','2026-11-23T17:45:00.000000+00:00','finished','{"outcome":"declined","reason":null}');
INSERT INTO "events" VALUES(9,4,'till-1','2026-11-23T17:47:00.000000+00:00','sending','{"message":"50"}');
INSERT INTO "events" VALUES(10,5,'till-1','2026-11-23T17:48:00.000000+00:00','sending','{"message":"50","transmission":1}');
INSERT INTO "events" VALUES(11,5,'till-1','2026-11-23T17:48:00.000000+00:00','accepted','{}');
INSERT INTO "events" VALUES(12,5,'till-1','2026-11-23T17:48:00.000000+00:00','answered','{"message":"45","stan":null}');
INSERT INTO "events" VALUES(13,5,'till-1','2026-11-23T17:48:00.000000+00:00','finished','{"outcome":"unresolved","reason":null}');
INSERT INTO "events" VALUES(14,6,'till-1','2026-11-23T17:49:00.000000+00:00','sending','{"message":"50","transmission":1}');
INSERT INTO "events" VALUES(15,6,'till-1','2026-11-23T17:49:00.000000+00:00','accepted','{}');
INSERT INTO "events" VALUES(16,6,'till-1','2026-11-23T17:49:00.000000+00:00','answered','{"message":"45","stan":null}');
INSERT INTO "events" VALUES(17,6,'till-1','2026-11-23T17:49:00.000000+00:00','finished','{"outcome":"unresolved","reason":null}');
INSERT INTO "events" VALUES(18,6,'till-1','2026-11-23T17:53:00.000000+00:00','resolved','{"by":"Anna","note":"receipt in the drawer","outcome":"approved"}');
INSERT INTO "events" VALUES(19,NULL,'till-1','2026-11-23T17:50:00.000000+00:00','baseline','{"stan":"000041"}');
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
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
INSERT INTO "operations" VALUES(1,'old-approved','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:44:00.000000+00:00');
INSERT INTO "operations" VALUES(2,'old-declined','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:45:00.000000+00:00');
INSERT INTO "operations" VALUES(3,'old-queued','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:46:00.000000+00:00');
INSERT INTO "operations" VALUES(4,'old-sending','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:47:00.000000+00:00');
INSERT INTO "operations" VALUES(5,'old-unresolved','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:48:00.000000+00:00');
INSERT INTO "operations" VALUES(6,'old-resolved','purchase','till-1','',650,'{"amount":650,"code":"P"}','ffee90c10a21175d69bb588ca9e15220c0968337e0dc21ac341b58feac8a84e1','2026-11-23T17:49:00.000000+00:00');
CREATE TABLE reference_hashes (
        reference TEXT PRIMARY KEY,
        parameters_hash TEXT NOT NULL,
        kind TEXT NOT NULL,
        terminal TEXT NOT NULL,
        amount INTEGER,
        outcome TEXT,
        created_time TEXT NOT NULL);
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
COMMIT;
