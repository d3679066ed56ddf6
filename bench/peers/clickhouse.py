"""ClickHouse's engine in this process (chDB): MergeTree by organization and time, bloom and token skip indexes, synced."""

import json
import os
import re
import time

from chdb import session

from peers import common

# Memory for caches and merges is left as the engine has it.
SCHEMA = """
CREATE TABLE default.events (
  organization LowCardinality(String), occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(3)),
  action LowCardinality(String), outcome LowCardinality(String), reason LowCardinality(String),
  actor_id String CODEC(ZSTD(3)), actor String CODEC(ZSTD(3)), targets String CODEC(ZSTD(3)), ip String CODEC(ZSTD(3)),
  user_agent LowCardinality(String), request_id UUID CODEC(NONE), message String CODEC(ZSTD(3)),
  changes String CODEC(ZSTD(3)), metadata String CODEC(ZSTD(3)), external_id String CODEC(ZSTD(3)),
  INDEX by_actor actor_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_request request_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_word {words} TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 1
) ENGINE = MergeTree ORDER BY (organization, occurred_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1
"""
NO_UUID = "00000000-0000-0000-0000-000000000000"
WORDS = "concatWithSeparator(' ', targets, message, reason, changes, metadata)"
PERIOD = (
    "FROM default.events WHERE organization = '{organization}' AND occurred_at >= fromUnixTimestamp64Micro({from_us}, 'UTC') "
    "AND occurred_at < fromUnixTimestamp64Micro({to_us}, 'UTC')"
)
NEWEST = f"SELECT * {PERIOD} AND_MORE ORDER BY occurred_at DESC LIMIT 50"
QUESTIONS = {
    "newest": NEWEST.replace("AND_MORE", ""),
    "actor": NEWEST.replace("AND_MORE", "AND actor_id = '{value}'"),
    "failed_action": NEWEST.replace("AND_MORE", "AND action = '{value}' AND outcome = 'failure'"),
    "request_id": NEWEST.replace("AND_MORE", "AND request_id = '{value}'"),
    "name": NEWEST.replace("AND_MORE", "AND {tokens} AND position({words}, '{value}') > 0"),
    "text": NEWEST.replace("AND_MORE", "AND {tokens} AND position({words}, '{value}') > 0"),
    "per_day": f"SELECT toString(toDate(occurred_at)) AS day, outcome, toInt64(count()) {PERIOD} "
               "GROUP BY day, outcome ORDER BY day, outcome",
    "top_actors": f"SELECT actor_id, toInt64(count()) AS events {PERIOD} GROUP BY actor_id ORDER BY events DESC, actor_id LIMIT 10",
    "export": f"SELECT * {PERIOD} ORDER BY occurred_at",
}


class ClickHouse:
    name, durable = "ClickHouse (chDB)", True

    def __init__(self, work):
        work.mkdir(parents=True, exist_ok=True)
        self.work = work
        self.session = session.Session(str(work / "store"))
        self.session.query(SCHEMA.format(words=WORDS))

    def version(self):
        return self.session.query("SELECT version()", "TSV").bytes().decode().strip()

    def processes(self):
        return [os.getpid()]

    def load(self, folder):
        for organization, lines in common.batches(folder):
            self.insert(organization, lines)

    def insert(self, organization, lines):
        rows = "\n".join("\t".join(fields(common.row(organization, line))) for line in lines)
        self.session.query(f"INSERT INTO default.events FORMAT TSV\n{rows}\n")

    def settle(self):
        self.session.query("OPTIMIZE TABLE default.events FINAL")

    def bytes_on_disk(self):
        # The parts that were merged away are removed some minutes later; they are not counted.
        query = "SELECT sum(bytes_on_disk) FROM system.parts WHERE table = 'events' AND active"
        return int(self.session.query(query, "TSV").bytes())

    def ask(self, question):
        value = question["value"] or ""
        tokens = " AND ".join(f"hasToken({WORDS}, '{word}')" for word in re.findall("[A-Za-z0-9]+", value))
        query = QUESTIONS[question["row"]].format(**question, words=WORDS, tokens=tokens)
        return self.session.query(query, "JSONCompactEachRow").bytes()

    def answer(self, question):
        rows = [json.loads(line) for line in self.ask(question).splitlines()]
        if question["row"] in ("per_day", "top_actors"):
            return [[*row[:-1], int(row[-1])] for row in rows]
        ids = [row[-1] for row in rows]
        return common.id_sum(ids) if question["row"] == "export" else ids

    def ack(self, organization, lines):
        start = time.perf_counter()
        self.insert(organization, lines)
        return time.perf_counter() - start

    def close(self):
        self.session.close()


def fields(row):
    """The row's values as tab separated text, times in seconds with six decimals."""
    for index, value in enumerate(row):
        if index == 1:
            yield f"{value // 1_000_000}.{value % 1_000_000:06d}"
        elif common.COLUMNS[index] == "request_id":
            yield value or NO_UUID
        else:
            yield value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


if __name__ == "__main__":
    common.main(ClickHouse)
