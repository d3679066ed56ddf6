"""The table: its rows with what must be reached, from the results of one run."""

PEERS = ["PostgreSQL", "SQLite", "ClickHouse", "DuckDB"]
# row of the questions, its title, must (mid, largest), aim (mid, largest), all in milliseconds, p50 warm
QUESTIONS = [
    ("newest", "newest 50 of the past 24 h, ms", (0.8, 1.0), (0.4, 0.4)),
    ("actor", "newest 50 by one actor, 365 d, ms", (0.9, 0.9), (0.5, 0.5)),
    ("failed_action", "newest 50 with an action and outcome=failure, 365 d, ms", (3, 3), (1.2, 1.2)),
    ("request_id", "a rare request id, 365 d, ms", (1.5, 1.5), (0.6, 0.6)),
    ("name", "newest 50 with a resource name anywhere, 365 d, ms", (3, 3), (0.8, 0.8)),
    ("per_day", "count per day and outcome, 365 d, ms", (9, 28), (2, 5)),
    ("top_actors", "top 10 actors, 30 d, ms", (2.1, 4.6), (0.7, 1.5)),
]
SYNC_TIMES_MAX = 20


def number(value):
    """A number as people read it: three significant digits, thousands parted."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def pair(values):
    return "" if not values or values[0] is None else " / ".join(number(value) for value in values)


def rows(run):
    """Yields the cells of each row: title, peers, Actarium, Actarium with late events, must, aim, reached."""
    for title, get, must, aim, less in measures(run):
        ours = get(run["actarium"])
        late = get(run["late"]) if run.get("late") else None
        cells = [pair(get(run["peers"][name])) if name in run["peers"] else "–" for name in PEERS]
        good = (lambda value, bound: value <= bound) if less else (lambda value, bound: value >= bound)
        reached = "" if not ours or ours[0] is None else (
            "aim" if all(map(good, ours, aim)) else "yes" if all(map(good, ours, must)) else "NOT REACHED"
        )
        yield [title, *cells, pair(ours), pair(late) if late else "", pair(must), pair(aim), reached]


def measures(run):
    """(title, how to read it from a system's result, must, aim, whether less is better)."""
    def one(*path):
        def read(result):
            for name in path:
                result = result.get(name) if result else None
            return (result,) if result is not None else ()
        return read

    def sizes(row, field):
        def read(result):
            found = result.get("questions", {}).get(row, {})
            return tuple(found.get(size, {}).get(field) for size in ("mid", "largest"))
        return read

    def after_questions(result):
        found = result.get("cold_after_questions", {})
        return tuple(found.get(size, {}).get("p50") for size in ("mid", "largest"))

    yield "ingest in batches of 1,000, durable, until settled, events/s", one("ingest", "rate"), (200_000,), (300_000,), False
    yield "ack of a batch of 100, p50, ms", one("ack_ms", "p50"), (3,), (1,), True
    yield "bytes on disk per event, settled, all indexes", one("bytes_per_event"), (60,), (45,), True
    yield "memory at the most while loading, GB", one("peak_gb"), (0.5,), (0.3,), True
    for row, title, must, aim in QUESTIONS:
        yield title, sizes(row, "p50"), must, aim, True
    yield "export of 30 d, events/s", sizes("export", "events_per_second"), (250_000, 400_000), (800_000, 800_000), False
    sync = run["floor"]["fdatasync_ms"]["p50"] * SYNC_TIMES_MAX
    yield "64 clients sending single events, events/s together", one("singles", "events_per_second"), (10_000,), (10_000,), False
    yield f"the same, p99 of an ack, ms ({SYNC_TIMES_MAX} × fdatasync)", one("singles", "ack_ms", "p99"), (sync,), (sync,), True
    yield "newest 50 cold (restarted, caches dropped), ms", sizes("cold", "p50"), (5, 5), (5, 5), True
    yield "the same, with all questions sealed behind the events, ms", after_questions, (5, 5), (5, 5), True
    yield "ready after start, ms", one("ready_ms"), (1000,), (1000,), True


def render(run):
    """The whole report as Markdown whose tables are aligned."""
    machine, floor = run["machine"], run["floor"]
    out = [
        f"# {run['events']:,} events of {run['json_bytes_per_event']:.0f} bytes of JSON, seed {run['seed']}", "",
        f"{run['date']}, commit {run['commit']}, {machine['cores']} cores of {machine['cpu']}, {machine['memory_gb']:.0f} GB, "
        f"Linux {machine['kernel']}, {machine['filesystem']}.",
        f"Queries: warm p50 over at least 20 different parameters each; mid is an organization of {run['asked_events'][0]:,} "
        f"events, largest one of {run['asked_events'][1]:,}. Actarium and PostgreSQL are asked over a socket, the others in process.",
        "`must` and `aim` are those for 5,000,000 events.", "",
    ]
    head = ["", *PEERS, "Actarium", "a tenth late", "must", "aim", "reached"]
    out += aligned([head, *rows(run)])
    out += ["", "## Beside it", ""]
    out += [f"- {line}" for line in notes(run)]
    out += ["", "## The floor", ""]
    out += aligned([
        ["fdatasync p50 / p99, ms", "write, MB/s", "read, MB/s", "random 4k read p50, ms", "JSON parse, MB/s", "zstd -3, MB/s", "unzstd, MB/s", "zstd -3 ratio"],
        [pair((floor["fdatasync_ms"]["p50"], floor["fdatasync_ms"]["p99"])), number(floor["write_mb_s"]),
         number(floor["read_mb_s"]), number(floor["random_read_4k_ms"]["p50"]), number(floor["parse_mb_s"]),
         number(floor["zstd3_mb_s"]), number(floor["unzstd_mb_s"]), number(floor["zstd3_ratio"])],
    ])
    return "\n".join(out) + "\n"


def notes(run):
    for label, result in [("Actarium", run["actarium"]), ("Actarium, a tenth late", run.get("late"))]:
        if result:
            ingest = result["ingest"]
            yield (
                f"{label}: acknowledged after {ingest['acked_seconds']:.1f} s ({number(ingest['acked_rate'])} events/s), settled "
                f"{ingest['settle_seconds']:.1f} s later; acks of 1,000: p50 {number(ingest['ack_ms']['p50'])} ms, p99 "
                f"{number(ingest['ack_ms']['p99'])} ms; {ingest['busy_answers']} answers 503."
            )
            yield (
                f"{label}: {number(result['bytes_per_event'])} bytes/event as it settles by itself with {result['unsealed_events']:.0f} events "
                f"in the journal; {number(result['sealed_bytes_per_event'])} after `admin seal`. Data folder: {result['layout']}. "
                f"Answers before and after that: {result['agreement_sealed']}."
            )
    yield f"Cold: {run['actarium'].get('forgotten', 'not measured')}."
    for name, result in run["peers"].items():
        yield f"{name}: {result['version']}; settled after {result['ingest']['settled_seconds']:.1f} s; answers: {result['agreement']}."
    if cloudtrail := run.get("cloudtrail"):
        text = cloudtrail["questions"]["text"]["mid"]
        yield (
            f"CloudTrail: 2,900 real records × {cloudtrail['copies']} with shifted times and new ids = {cloudtrail['events']:,} "
            f"records of {cloudtrail['json_bytes_per_event']:.0f} bytes: {number(cloudtrail['bytes_per_event'])} bytes/event on disk, "
            f"{number(cloudtrail['rate'])} records/s through the adapter, text search p50 {number(text['p50'])} ms, p99 {number(text['p99'])} ms."
        )
        for name, result in cloudtrail.get("peers", {}).items():
            text = result["questions"].get("text", {}).get("mid", {})
            yield (
                f"CloudTrail in {name}: {number(result['bytes_per_event'])} bytes/event, text search p50 "
                f"{number(text.get('p50'))} ms; answers: {result['agreement']}."
            )
    yield "VictoriaLogs is in none of the package registries and is left out."


def aligned(table):
    """A Markdown table with columns of equal width."""
    widths = [max(len(str(row[column])) for row in table) for column in range(len(table[0]))]
    lines = [
        "| " + " | ".join(
            str(cell).ljust(width) if column == 0 else str(cell).rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ) + " |"
        for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths)) + "|"
    return [lines[0], rule, *lines[1:]]
