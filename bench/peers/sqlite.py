"""SQLite in this process: WAL, synchronous=FULL, the same indexes as PostgreSQL and full text search (FTS5)."""

import os
import sqlite3
import time

from peers import common

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -524288;
PRAGMA wal_autocheckpoint = 8000;
CREATE TABLE events (id INTEGER PRIMARY KEY, organization TEXT NOT NULL, occurred_at INTEGER NOT NULL, actor TEXT NOT NULL,
  action TEXT NOT NULL, outcome TEXT NOT NULL, event TEXT NOT NULL);
CREATE INDEX by_time ON events (organization, occurred_at);
CREATE INDEX by_actor ON events (organization, actor, occurred_at);
CREATE INDEX by_action ON events (organization, action, occurred_at);
CREATE VIRTUAL TABLE words USING fts5 (text, content = '');
"""
PERIOD = "organization = :organization AND occurred_at >= :from AND occurred_at < :to"
NEWEST = f"SELECT event FROM events WHERE {PERIOD} {{}} ORDER BY occurred_at DESC LIMIT 50"
BY_WORDS = (
    # CROSS JOIN keeps the order: the words first.
    "SELECT event FROM words CROSS JOIN events ON events.id = words.rowid WHERE words MATCH :phrase AND "
    f"{PERIOD} ORDER BY occurred_at DESC, id DESC LIMIT 50"
)
QUESTIONS = {
    "newest": NEWEST.format(""),
    "actor": NEWEST.format("AND actor = :value"),
    "failed_action": NEWEST.format("AND action = :value AND outcome = 'failure'"),
    "request_id": BY_WORDS,
    "name": BY_WORDS,
    "text": BY_WORDS,
    "per_day": "SELECT strftime('%Y-%m-%d', occurred_at / 1000000, 'unixepoch') AS day, outcome, count(*) FROM events "
               f"WHERE {PERIOD} GROUP BY 1, 2 ORDER BY 1, 2",
    "top_actors": f"SELECT actor, count(*) FROM events WHERE {PERIOD} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
    "export": f"SELECT event FROM events WHERE {PERIOD} ORDER BY occurred_at",
}


class SQLite:
    name, durable = "SQLite", True

    def __init__(self, work):
        work.mkdir(parents=True, exist_ok=True)
        self.work, self.last = work, 0
        self.connection = sqlite3.connect(work / "events.db", isolation_level=None)
        self.connection.executescript(SCHEMA)

    def version(self):
        return sqlite3.sqlite_version

    def processes(self):
        return [os.getpid()]

    def load(self, folder):
        for organization, lines in common.batches(folder):
            self.insert(self.rows(organization, lines))

    def rows(self, organization, lines):
        events, words = [], []
        for line in lines:
            self.last += 1
            event = common.orjson.loads(line)
            events.append((
                self.last, organization, common.micros(event["occurred_at"]), event["actor"]["id"], event["action"],
                event.get("outcome", "success"), line.decode(),
            ))
            words.append((self.last, " ".join(strings(event))))
        return events, words

    def insert(self, rows):
        events, words = rows
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", events)
        self.connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
        self.connection.execute("COMMIT")

    def settle(self):
        self.connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def bytes_on_disk(self):
        return common.bytes_on_disk(self.work)

    def ask(self, question):
        parameters = {
            "organization": question["organization"], "from": question["from_us"], "to": question["to_us"],
            "value": question["value"], "phrase": f'"{question["value"]}"',
        }
        return self.connection.execute(QUESTIONS[question["row"]], parameters).fetchall()

    def answer(self, question):
        rows = self.ask(question)
        if question["row"] in ("per_day", "top_actors"):
            return [list(row) for row in rows]
        ids = [common.orjson.loads(row[0])["external_id"] for row in rows]
        return common.id_sum(ids) if question["row"] == "export" else ids

    def ack(self, organization, lines):
        rows = self.rows(organization, lines)
        start = time.perf_counter()
        self.insert(rows)
        return time.perf_counter() - start

    def close(self):
        self.connection.close()


def strings(event):
    """The texts that are searched: ids, names, messages, values; not the keys."""
    context = event.get("context", {})
    yield from (event.get("reason", ""), event.get("message", ""), event.get("external_id", ""))
    yield from (context.get("request_id", ""), context.get("trace_id", ""))
    for part in ("actor", "targets", "changes", "metadata"):
        if part in event:
            yield from leaves(event[part])


def leaves(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif value is not None:
        yield str(value)


if __name__ == "__main__":
    common.main(SQLite)
