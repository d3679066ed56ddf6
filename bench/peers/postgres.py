"""PostgreSQL from Debian: a cluster of its own on a Unix socket in the work folder; fsync and synchronous_commit on."""

import os
import queue
import shutil
import subprocess
import threading
import time
from pathlib import Path

import psycopg

from peers import common

LOADERS = 2
SETTINGS = {
    "listen_addresses": "''", "shared_buffers": "'1GB'", "work_mem": "'64MB'", "maintenance_work_mem": "'512MB'",
    "effective_cache_size": "'8GB'", "max_wal_size": "'4GB'", "checkpoint_timeout": "'10min'", "jit": "off",
    "fsync": "on", "synchronous_commit": "on", "random_page_cost": "1.1", "plan_cache_mode": "force_custom_plan",
}
SCHEMA = """
CREATE TABLE events (organization text NOT NULL, occurred_at timestamptz NOT NULL, actor text NOT NULL,
  action text NOT NULL, outcome text NOT NULL, event jsonb NOT NULL);
CREATE INDEX ON events (organization, occurred_at);
CREATE INDEX ON events (organization, actor, occurred_at);
CREATE INDEX ON events (organization, action, occurred_at);
CREATE INDEX ON events USING gin (event);
"""
PERIOD = "FROM events WHERE organization = %(organization)s AND occurred_at >= %(from)s AND occurred_at < %(to)s"
NEWEST = f"SELECT event::text {PERIOD} {{}} ORDER BY occurred_at DESC LIMIT 50"
QUESTIONS = {
    "newest": NEWEST.format(""),
    "actor": NEWEST.format("AND actor = %(value)s"),
    "failed_action": NEWEST.format("AND action = %(value)s AND outcome = 'failure'"),
    "request_id": NEWEST.format("AND event @> jsonb_build_object('context', jsonb_build_object('request_id', %(value)s::text))"),
    "name": NEWEST.format("AND event @? %(path)s::jsonpath"),
    "per_day": "SELECT to_char(date_trunc('day', occurred_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS day, outcome, count(*) "
               f"{PERIOD} GROUP BY 1, 2 ORDER BY 1, 2",
    "top_actors": f"SELECT actor, count(*) {PERIOD} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
    "export": f"SELECT event::text {PERIOD} ORDER BY occurred_at",
}


class Postgres:
    name, durable = "PostgreSQL", True

    def __init__(self, work):
        self.work = work
        work.mkdir(parents=True, exist_ok=True)
        shutil.chown(work, "postgres")
        self.programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.data = work / "cluster"
        self.run("initdb", "-D", str(self.data), "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums")
        with open(self.data / "postgresql.conf", "a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
            file.write(f"unix_socket_directories = '{work}'\n")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(work / "server.log"), "start")
        self.connection = self.connect()
        self.connection.execute(SCHEMA)
        self.empty_bytes = self.database_bytes()
        self.postmaster = int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def run(self, program, *arguments):
        command = ["runuser", "-u", "postgres", "--", str(self.programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.work)

    def connect(self):
        return psycopg.connect(host=str(self.work), user="postgres", dbname="postgres", autocommit=True)

    def database_bytes(self):
        return self.connection.execute("SELECT pg_database_size('postgres')").fetchone()[0]

    def version(self):
        return self.connection.execute("SHOW server_version").fetchone()[0]

    def processes(self):
        try:
            children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        except FileNotFoundError:
            return []
        return [self.postmaster, *map(int, children)]

    def load(self, folder):
        waiting = queue.Queue(maxsize=LOADERS * 2)
        failures = []

        def work():
            try:
                with self.connect() as connection:
                    while (item := waiting.get()) is not None:
                        copy(connection, item)
            except Exception as error:
                failures.append(error)
                while waiting.get() is not None:
                    pass

        threads = [threading.Thread(target=work) for _ in range(LOADERS)]
        for thread in threads:
            thread.start()
        for organization, lines in common.batches(folder):
            waiting.put(copy_text(organization, lines))
        for _ in threads:
            waiting.put(None)
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def settle(self):
        self.connection.execute("VACUUM (ANALYZE) events")
        self.connection.execute("CHECKPOINT")

    def bytes_on_disk(self):
        return self.database_bytes() - self.empty_bytes

    def ask(self, question):
        value = question["value"]
        parameters = {
            "organization": question["organization"], "from": common.timestamp(question["from_us"]),
            "to": common.timestamp(question["to_us"]), "value": value, "path": f'$.** ? (@ == "{value}")',
        }
        return self.connection.execute(QUESTIONS[question["row"]], parameters, prepare=True).fetchall()

    def answer(self, question):
        rows = self.ask(question)
        if question["row"] in ("per_day", "top_actors"):
            return [list(row) for row in rows]
        ids = [common.orjson.loads(row[0])["external_id"] for row in rows]
        return common.id_sum(ids) if question["row"] == "export" else ids

    def ack(self, organization, lines):
        text = copy_text(organization, lines)
        start = time.perf_counter()
        copy(self.connection, text)
        return time.perf_counter() - start

    def close(self):
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")


def copy_text(organization, lines):
    """Rows in COPY's text format."""
    organization, out = organization.encode(), []
    for line in lines:
        event = common.orjson.loads(line)
        columns = (event["occurred_at"], event["actor"]["id"], event["action"], event.get("outcome", "success"))
        text = line.replace(b"\\", b"\\\\")
        out.append(b"\t".join([organization, *(column.encode() for column in columns), text]))
    return b"\n".join(out) + b"\n"


def copy(connection, text):
    with connection.cursor().copy("COPY events FROM STDIN") as stream:
        stream.write(text)


if __name__ == "__main__":
    os.umask(0o022)
    common.main(Postgres)
