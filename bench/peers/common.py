"""What all peers share: reading batches and plans, timing, memory and disk, and the form of the result.

A peer is a class with `load`, `settle`, `ask`, `ack`, `bytes_on_disk`, `processes` and `close`; `main` drives it.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from itertools import groupby
from pathlib import Path

import orjson

ROUNDS = 5
GROUP_SECONDS_MAX = 6.0
ACK_BATCH = 100
ACK_BATCHES = 200
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def batches(folder):
    """Yields (organization, lines) in the order of generation; lines are bytes without line ends."""
    for path in sorted(Path(folder).glob("batches-*.ndjson")):
        with open(path, "rb", buffering=1 << 20) as file:
            while head := file.readline():
                head = json.loads(head)
                body = file.read(head["bytes"])
                yield head["organization"], body.split(b"\n")[:-1]


def small_batches(folder, size=ACK_BATCH, limit=ACK_BATCHES):
    """Yields at most `limit` batches of exactly `size` events."""
    for organization, lines in batches(folder):
        for start in range(0, len(lines) - size + 1, size):
            if limit == 0:
                return
            limit -= 1
            yield organization, lines[start:start + size]


def micros(text):
    """Microseconds since 1970 of an RFC 3339 time."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def timestamp(us):
    """The time of microseconds since 1970, in UTC."""
    return EPOCH + timedelta(microseconds=us)


# The columns of the column stores; what is structured is kept as JSON text.
COLUMNS = [
    "organization", "occurred_at", "action", "outcome", "reason", "actor_id", "actor", "targets", "ip", "user_agent",
    "request_id", "message", "changes", "metadata", "external_id",
]


def row(organization, line):
    """The values of COLUMNS of an event; occurred_at as microseconds, absent texts as empty ones."""
    event = orjson.loads(line)
    context = event.get("context", {})
    dump = lambda name: orjson.dumps(event[name]).decode() if name in event else ""  # noqa: E731
    return (
        organization, micros(event["occurred_at"]), event["action"], event.get("outcome", "success"),
        event.get("reason", ""), event["actor"]["id"], dump("actor"), dump("targets"), context.get("ip", ""),
        context.get("user_agent", ""), context.get("request_id", ""), event.get("message", ""), dump("changes"),
        dump("metadata"), event.get("external_id", ""),
    )


def bytes_on_disk(folder):
    """Allocated bytes of a folder's files."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


class MemoryWatch(threading.Thread):
    """The most memory that some processes had together, shared pages counted once (PSS), sampled twice a second."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes, self.peak, self.ended = processes, 0, threading.Event()

    def run(self):
        while not self.ended.wait(0.5):
            self.peak = max(self.peak, sum(pss(pid) for pid in self.processes()))

    def stop(self):
        self.ended.set()
        self.join()
        return self.peak


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0


def percentile(values, part):
    values = sorted(values)
    return values[round((len(values) - 1) * part)]

def id_sum(ids):
    """How many events were exported, and the sum of their external ids' numbers, whatever their order."""
    return {"count": len(ids), "sum": str(sum(int(text[4:], 16) for text in ids) % (1 << 64))}


def measure(peer, plan):
    """Asks every question once for the answer and to warm up, then again and again for the time."""
    measures, answers = {}, []
    for (name, size), group in groupby(plan["questions"], key=lambda question: (question["row"], question["size"])):
        group = list(group)
        for question in group:
            answers.append({
                "row": name, "size": size, "value": question["value"], "to_us": question["to_us"],
                "answer": peer.answer(question),
            })
        took, begun = [], time.perf_counter()
        for _ in range(ROUNDS):
            for question in group:
                start = time.perf_counter()
                peer.ask(question)
                took.append(time.perf_counter() - start)
                if time.perf_counter() - begun > GROUP_SECONDS_MAX and len(took) >= 3:
                    break
            if time.perf_counter() - begun > GROUP_SECONDS_MAX:
                break
        if name == "export":
            count = answers[-len(group)]["answer"]["count"]
            result = {"events_per_second": count / statistics.median(took), "events": count}
        else:
            result = {"p50": percentile(took, 0.5) * 1e3, "p99": percentile(took, 0.99) * 1e3, "asked": len(took)}
        measures.setdefault(name, {})[size] = result
        print(f"  {name} {size}: {result}", flush=True)
    return measures, answers


def main(peer_class):
    """Loads, settles, asks, and writes the result as JSON."""
    parser = argparse.ArgumentParser()
    for name in ["events", "ack", "work", "out"]:
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    plan = json.loads(Path(options.events, "questions.json").read_text())
    peer = peer_class(Path(options.work))
    try:
        watch = MemoryWatch(peer.processes)
        watch.start()
        print("  loading", flush=True)
        begun = time.perf_counter()
        peer.load(options.events)
        loaded = time.perf_counter() - begun
        print(f"  loaded in {loaded:.1f} s, settling", flush=True)
        peer.settle()
        settled = time.perf_counter() - begun
        peak = watch.stop()
        stored = peer.bytes_on_disk()
        measures, answers = measure(peer, plan)
        acks = []
        for organization, lines in small_batches(options.ack) if peer.durable else []:
            acks.append(peer.ack(organization, lines))
        result = {
            "name": peer.name, "version": peer.version(), "events": plan["events"],
            "ingest": {
                "events_per_second": plan["events"] / loaded if peer.durable else None,
                "seconds": loaded, "settled_seconds": settled,
            },
            "ack_ms": {"p50": percentile(acks, 0.5) * 1e3, "p99": percentile(acks, 0.99) * 1e3} if acks else None,
            "bytes_per_event": stored / plan["events"], "peak_bytes": peak, "questions": measures, "answers": answers,
        }
        Path(options.out).write_text(json.dumps(result))
    finally:
        peer.close()
