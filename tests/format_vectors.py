#!/usr/bin/env python3
"""Recomputes docs/format-vectors.json from the events as they were sent, with nothing but the standard library.

Written from docs/FORMAT.md and not from the code, so that it is a second implementation of the format: canonical parts,
row encoding, salts, hashes, entries, tree and ids. Prints one line and exits with 1 at the first difference.
"""

import hashlib
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

PARTS = ["fact", "identity", "personal", "detail"]
ROW_COLUMNS = [
    "action", "outcome", "source", "sender", "actor", "session_id", "targets", "ip", "user_agent",
    "request_id", "trace_id", "surface", "http", "reason", "message", "changes", "metadata", "external_id",
]


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


# ---- Spelling ----

def number_text(value):
    """ECMAScript's Number::toString, from Python's shortest digits."""
    if value == int(value) and abs(value) <= 2**53:
        return str(int(value))
    sign, digits, exponent = "-" if value < 0 else "", *scientific(abs(value))
    count, point = len(digits), exponent + 1
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if count > 1 else "")
    return f"{sign}{mantissa}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def scientific(value):
    """The shortest digits of a positive double, and the power of ten of the first."""
    mantissa, _, exponent = repr(value).partition("e")
    exponent = int(exponent or 0)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent += len(whole) - 1 - (len(whole + fraction) - len(digits)) if whole.strip("0") == "" else len(whole) - 1
    return digits.rstrip("0"), exponent


def text(value):
    escapes = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return '"' + "".join(escapes.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def spelled(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode())
    return "{" + ",".join(f"{text(key)}:{spelled(value[key])}" for key in keys) + "}"


def utc(time):
    """RFC 3339 in UTC with microseconds; finer digits are cut."""
    head, dot, rest = time.partition(".")
    if dot:
        end = next(at for at, c in enumerate(rest) if not c.isdigit())
        time = head + "." + rest[:end][:6].ljust(6, "0") + rest[end:]
    return datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone(timezone.utc)


# ---- Absent, null, empty ----

def there(value):
    return value is not None and value != {} and value != []


def pairs(source, names):
    return [f"{text(name)}:{spelled(source[name])}" for name in names if there(source.get(name))]


def http_object(event):
    return "{" + ",".join(pairs((event.get("context") or {}).get("http") or {}, ["method", "path", "status"])) + "}"


def change_list(changes):
    objects = []
    for change in changes:
        fields = [f"{text(name)}:{spelled(change[name])}" for name in ["path", "before", "after"] if name in change]
        objects.append("{" + ",".join(fields) + "}")
    return "[" + ",".join(objects) + "]"


# ---- Parts ----

def actor_object(actor, names, session=True):
    fields = pairs(actor, [name for name in names if session or name != "session_id"])
    inner = actor.get("on_behalf_of")
    if there(inner):
        fields.append('"on_behalf_of":' + actor_object(inner, names))
    return "{" + ",".join(fields) + "}"


def skeleton(event, actor_names, target_names):
    targets = ["{" + ",".join(pairs(target, target_names)) + "}" for target in event["targets"]]
    return [f'"actor":{actor_object(event["actor"], actor_names)}', f'"targets":[{",".join(targets)}]']


def canonical_parts(event, source, recorded_at):
    context = event.get("context") or {}
    occurred = utc(event.get("occurred_at") or recorded_at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fact = [
        '"v":1', f'"action":{text(event["action"])}', f'"outcome":{text(event.get("outcome") or "success")}',
        f'"occurred_at":"{occurred}"', f'"source":{text(source)}', *skeleton(event, ["type"], ["type"]),
    ]
    identity = skeleton(event, ["id", "issuer", "session_id"], ["id"])
    identity += pairs(event, ["external_id"]) + pairs(context, ["request_id", "trace_id"])
    personal = skeleton(event, ["name", "email", "groups"], ["name"]) + pairs(context, ["ip", "user_agent"])
    detail = skeleton(event, ["metadata"], ["metadata"]) + pairs(event, ["reason", "message"]) + pairs(context, ["surface"])
    if http_object(event) != "{}":
        detail.append('"http":' + http_object(event))
    if there(event.get("changes")):
        detail.append('"changes":' + change_list(event["changes"]))
    detail += pairs(event, ["metadata"])
    return ["{" + ",".join(part) + "}" for part in (fact, identity, personal, detail)]


# ---- Row ----

def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def row_bytes(event, source, sender):
    context = event.get("context") or {}
    actor_names = ["type", "id", "name", "email", "issuer", "session_id", "groups", "metadata"]
    targets = ["{" + ",".join(pairs(target, ["type", "id", "name", "metadata"])) + "}" for target in event["targets"]]
    columns = {name: context.get(name) for name in ["ip", "user_agent", "request_id", "trace_id", "surface"]}
    columns |= {name: event.get(name) for name in ["action", "reason", "message", "external_id"]}
    columns |= {
        "outcome": event.get("outcome") or "success", "source": source, "sender": sender,
        "actor": actor_object(event["actor"], actor_names, session=False),
        "session_id": event["actor"].get("session_id"),
        "targets": "[" + ",".join(targets) + "]",
        "http": http_object(event) if http_object(event) != "{}" else None,
        "changes": change_list(event["changes"]) if there(event.get("changes")) else None,
        "metadata": spelled(event["metadata"]) if there(event.get("metadata")) else None,
    }
    mask, body = 0, b""
    if event.get("occurred_at"):
        mask |= 1 << 31
        body += micros(utc(event["occurred_at"])).to_bytes(8, "little")
    for bit, name in enumerate(ROW_COLUMNS):
        if columns[name] is not None:
            mask |= 1 << bit
            value = columns[name].encode()
            body += varint(len(value)) + value
    return mask.to_bytes(4, "little") + body


def micros(time):
    delta = time - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


# ---- Hashes ----

def salt(key, seq, part):
    leaf = seq % 65_536 * 4 + part
    for level in reversed(range(18)):
        key = sha256(key, bytes([leaf >> level & 1]))
    return key[:16]


def root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1", root(leaves[:split]), root(leaves[split:]))


def event_id(opaque, seq, recorded_at):
    check = int.from_bytes(sha256(opaque, seq.to_bytes(8, "big"))[:4], "big") >> 10
    value = (recorded_at // 1000) << 80 | 7 << 76 | (recorded_at % 1000) << 64 | 0b10 << 62 | seq << 22 | check
    digits = f"{value:032x}"
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def check(what, made, kept):
    if made != kept:
        sys.exit(f"{what} differs:\n  made {made}\n  kept {kept}")


def main():
    path = Path(__file__).resolve().parent.parent / "docs" / "format-vectors.json"
    vectors = json.loads(path.read_text(encoding="utf-8"))
    key, opaque = bytes.fromhex(vectors["epoch_key"]), bytes.fromhex(vectors["opaque_id"])
    leaves = []
    for event in vectors["events"]:
        seq, at, name = event["seq"], micros(utc(event["recorded_at"])), f"event {event['seq']}"
        check(f"{name}: microseconds", at, event["recorded_at_micros"])
        parts = canonical_parts(event["sent"], event["source"], event["recorded_at"])
        hashes = []
        for number, part in enumerate(PARTS):
            check(f"{name}: {part}", parts[number], event["parts"][part])
            made_salt = salt(key, seq, number)
            check(f"{name}: salt of {part}", made_salt.hex(), event["salts"][part])
            hashes.append(sha256(made_salt, parts[number].encode()))
            check(f"{name}: hash of {part}", hashes[-1].hex(), event["part_hashes"][part])
        commit = sha256(b"actarium/commit/v1\n", *hashes)
        check(f"{name}: commit", commit.hex(), event["commit"])
        entry = b"\1" + at.to_bytes(8, "big") + commit
        check(f"{name}: entry", entry.hex(), event["entry"])
        leaves.append(sha256(b"\0", entry))
        check(f"{name}: leaf", leaves[-1].hex(), event["leaf"])
        check(f"{name}: root", root(leaves).hex(), event["root"])
        check(f"{name}: id", event_id(opaque, seq, at), event["id"])
        check(f"{name}: row", row_bytes(event["sent"], event["source"], event["sender"]).hex(), event["row"])
    frontier = b"\1" + len(leaves).to_bytes(8, "big") + root(leaves[:4]) + leaves[4]
    check("frontier", frontier.hex(), vectors["frontier"])
    check("last salts", [salt(key, 65_535, part).hex() for part in range(4)], vectors["salts_of_seq_65535"])
    print(f"format vectors: {len(leaves)} events recomputed, all equal")


if __name__ == "__main__":
    main()
