"""DuckDB over Parquet sorted by organization and time, zstd; in this process. It does not ingest: files are made at once."""

import os

import duckdb
import pyarrow
import pyarrow.parquet

from peers import common

ROWS_PER_WRITE = 50_000
PERIOD = "FROM events WHERE organization = $organization AND occurred_at >= $from_us AND occurred_at < $to_us"
NEWEST = f"SELECT * {PERIOD} {{}} ORDER BY occurred_at DESC LIMIT 50"
CONTAINS = (
    "AND (contains(targets, $value) OR contains(message, $value) OR contains(reason, $value) "
    "OR contains(changes, $value) OR contains(metadata, $value))"
)
QUESTIONS = {
    "newest": NEWEST.format(""),
    "actor": NEWEST.format("AND actor_id = $value"),
    "failed_action": NEWEST.format("AND action = $value AND outcome = 'failure'"),
    "request_id": NEWEST.format("AND request_id = $value"),
    "name": NEWEST.format(CONTAINS),
    "text": NEWEST.format(CONTAINS),
    "per_day": f"SELECT strftime(make_timestamp(occurred_at), '%Y-%m-%d') AS day, outcome, count(*) {PERIOD} "
               "GROUP BY 1, 2 ORDER BY 1, 2",
    "top_actors": f"SELECT actor_id, count(*) {PERIOD} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
    "export": f"SELECT * {PERIOD} ORDER BY occurred_at",
}


class DuckDB:
    name, durable = "DuckDB + Parquet", False

    def __init__(self, work):
        work.mkdir(parents=True, exist_ok=True)
        self.work, self.file = work, work / "events.parquet"
        self.connection = duckdb.connect()
        self.connection.execute("SET memory_limit = '1GB'")
        self.connection.execute(f"SET temp_directory = '{work}/spill'")

    def version(self):
        return duckdb.__version__

    def processes(self):
        return [os.getpid()]

    def load(self, folder):
        types = [pyarrow.int64() if name == "occurred_at" else pyarrow.string() for name in common.COLUMNS]
        schema = pyarrow.schema(list(zip(common.COLUMNS, types)))
        unsorted = self.work / "unsorted.parquet"
        with pyarrow.parquet.ParquetWriter(unsorted, schema, compression="zstd") as writer:
            rows = []
            for organization, lines in common.batches(folder):
                rows.extend(common.row(organization, line) for line in lines)
                if len(rows) >= ROWS_PER_WRITE:
                    writer.write_table(table(rows, schema))
                    rows = []
            if rows:
                writer.write_table(table(rows, schema))
        self.connection.execute(
            f"COPY (SELECT * FROM '{unsorted}' ORDER BY organization, occurred_at) TO '{self.file}' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        unsorted.unlink()
        self.connection.execute(f"CREATE VIEW events AS SELECT * FROM '{self.file}'")

    def settle(self):
        pass

    def bytes_on_disk(self):
        return common.bytes_on_disk(self.work)

    def ask(self, question):
        query = QUESTIONS[question["row"]]
        parameters = {name: question[name] for name in ("organization", "from_us", "to_us", "value") if f"${name}" in query}
        return self.connection.execute(query, parameters).fetchall()

    def answer(self, question):
        rows = self.ask(question)
        if question["row"] in ("per_day", "top_actors"):
            return [list(row) for row in rows]
        ids = [row[-1] for row in rows]
        return common.id_sum(ids) if question["row"] == "export" else ids

    def close(self):
        self.connection.close()


def table(rows, schema):
    return pyarrow.Table.from_arrays([pyarrow.array(column, field.type) for column, field in zip(zip(*rows), schema)], schema=schema)


if __name__ == "__main__":
    common.main(DuckDB)
