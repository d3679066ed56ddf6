"""The checks: `checks.py BINARY [NAME…]` runs all of them, or those of these names."""

import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from botocore.exceptions import ClientError
from bucket import S3
from service import Refused, Service, soon

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Place:
    """A server of buckets, a data folder, and services on it."""

    def __init__(self, binary):
        self.binary, self.s3, self.services = binary, S3(), []
        # The server keeps its buckets for as long as this program runs.
        urllib.request.urlopen(urllib.request.Request(f"{self.s3.url}/moto-api/reset", b"", method="POST")).read()
        self.folder = Path(tempfile.mkdtemp())
        self.data = self.folder / "data"
        self.s3.make("audit")
        self.archive = ["--archive", "s3://audit/archive"]

    def serve(self, *arguments, days_ago=0, **environment):
        arguments = arguments or self.archive
        service = Service(self.binary, self.data, {**self.s3.environment(), **environment}, arguments, days_ago)
        self.services.append(service)
        return service

    def end(self):
        for service in self.services:
            if service.process.poll() is None:
                service.kill()
        self.s3.down()

    def archived(self, service):
        """The keys of the organization's archive; that of the operator's own log lies beside it."""
        folder = service.get("/v1/orgs/acme/log")["origin"].split("/")[1]
        return self.s3.keys("audit", f"archive/{folder}/")


def event(number, actor="u_1", **fields):
    actor = {"type": "user", "id": actor, "name": f"Person {actor}"}
    targets = [{"type": "component", "id": f"c-{number}"}]
    return {"action": "component.deploy", "actor": actor, "targets": targets, "external_id": f"x-{number}", **fields}


def aged(place, per_time=300):
    """A log with events of 800, 400 and 0 days ago; retention at each start moved what was due by then. The last service."""
    for days_ago, first in [(800, 0), (400, 1_000), (0, 2_000)]:
        service = place.serve(days_ago=days_ago)
        if days_ago == 800:
            service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
        service.record("acme", [event(first + number, f"u_{number % 7}") for number in range(per_time)])
        service.seal()
        if days_ago:
            service.stop()
    service.done("retention", "run", "--org", "acme")
    return service


def plan(service):
    return service.get("/v1/orgs/acme/retention/plan")


@check
def tiered_found_proved_and_purged(place):
    service = aged(place)
    now = plan(service)
    assert now["purged"]["events"] >= 300 and now["archived"]["events"] >= 300 and now["hot"]["events"] >= 300, now
    assert now["to_archive"]["events"] == 0 and now["to_purge"]["events"] == 0, now
    keys = place.archived(service)
    assert len(keys) == now["archived"]["segments"], (keys, now)
    assert not list((place.data / "archive").rglob("*.parquet")) if (place.data / "archive").exists() else True
    # What was purged is gone from the bucket.
    assert not any("/0000000000000-" in key for key in keys), keys
    page = service.found("acme", "from=-900d&q=target:c-1007")
    assert page["archive"] is True and len(page["events"]) == 1, page
    old = page["events"][0]
    assert service.found("acme", "from=-900d&q=target:c-7")["events"] == []
    status, proof, _ = service.raw("GET", f"/v1/orgs/acme/events/{old['id']}?proof=true")
    assert status == 200 and proof.startswith(b"c2sp.org/tlog-proof"), proof[:200]
    status, exported, headers = service.raw("GET", "/v1/orgs/acme/export?format=ndjson&from=-900d&q=action:component.deploy")
    assert status == 200 and headers["x-actarium-archive"] == "true" and exported.count(b"\n") == 600, exported[:200]
    bundle = place.folder / "export.tar.zst"
    service.done("export", "--org", "acme", "--proof", "-o", str(bundle))
    service.done("verify", str(bundle))
    service.done("verify", service.url, "--org", "acme")
    service.stop()
    data = str(place.data)
    service.done("verify", data, "--org", "acme", "--archive", "s3://audit/archive")
    without = service.run("verify", data, "--org", "acme")
    assert without.returncode != 0 and "archive" in without.stdout + without.stderr, without
    # What is damaged in the bucket is found and named, as in a folder.
    client = place.s3.client()
    body = bytearray(client.get_object(Bucket="audit", Key=keys[0])["Body"].read())
    body[len(body) // 2] ^= 1
    client.put_object(Bucket="audit", Key=keys[0], Body=bytes(body))
    damaged = service.run("verify", data, "--org", "acme", "--archive", "s3://audit/archive")
    assert damaged.returncode == 1 and keys[0].split("/")[-1] in damaged.stdout, damaged


@check
def read_in_ranges(place):
    service = place.serve(days_ago=400)
    service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
    chance = random.Random(7)
    for batch in range(16):
        noise = lambda: "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=400))
        events = [event(batch * 1_000 + number, f"u_{number}", message=noise()) for number in range(1_000)]
        service.record("acme", events)
    service.seal()
    service.stop()
    service = place.serve()
    service.done("retention", "run", "--org", "acme")
    sizes = {key: place.s3.client().head_object(Bucket="audit", Key=key)["ContentLength"] for key in place.archived(service)}
    assert sum(sizes.values()) > 2 << 20, sizes
    wanted = service.found("acme", "from=-900d&q=target:c-12345")["events"][0]
    service.stop()
    service = place.serve()
    soon("read again", lambda: "all segments were read again" in service.log())
    service.stop()
    # Cold: what is noted from here on is what one event takes. The scrub at the start reads everything, so it is kept off.
    place.s3.answer = lambda noted: ("503 Slow Down", "SlowDown") if noted.method == "GET" and noted.range else None
    service = place.serve()
    soon("not read again", lambda: "segments were read again, of some logs not all" in service.log())
    place.s3.answer = None
    before = len(place.s3.noted)
    read_before = service.metric("actarium_archive_read_bytes_total")
    assert service.get(f"/v1/orgs/acme/events/{wanted['id']}")["id"] == wanted["id"]
    gets = [noted for noted in place.s3.noted[before:] if noted.method == "GET" and "archive/" in noted.path]
    assert gets and all(noted.range for noted in gets), gets
    read = service.metric("actarium_archive_read_bytes_total") - read_before
    assert 0 < read < sum(sizes.values()) / 2, (read, sizes)
    assert service.metric("actarium_damaged_organizations") == 0
    service.stop()


@check
def erased_in_the_archive(place):
    service = aged(place)
    before = place.archived(service)
    assert len(service.found("acme", "q=actor:u_3&from=-500d")["events"]) > 0
    # One asks, another approves.
    ada = service.administrator("acme", "ada@example.com")
    wanted = {"subject": "user:u_3", "parts": ["personal", "identity"], "reason": "Asked for"}
    status, asked, _ = service.raw("POST", "/v1/orgs/acme/erasures", wanted, ada)
    assert status in (201, 202), asked
    asked = json.loads(asked)
    status, answer, _ = service.raw("POST", f"/v1/orgs/acme/erasures/{asked['id']}/approve", {})
    assert status in (200, 202), answer
    soon("erased", lambda: service.get(f"/v1/orgs/acme/erasures/{asked['id']}")["state"] == "done")
    after = place.archived(service)
    assert after and not set(before) & set(after), (before, after)
    assert service.found("acme", "q=actor:u_3&from=-500d")["events"] == []
    gone = service.found("acme", "q=target:c-1003&from=-500d")["events"]
    assert gone == [] or gone[0]["erased"], gone
    for key in before:
        try:
            place.s3.client().head_object(Bucket="audit", Key=key)
            raise AssertionError(f"{key} is still there")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "404", error
    service.stop()
    service.done("verify", str(place.data), "--org", "acme", "--archive", "s3://audit/archive")


def three_segments(place):
    """Three segments that are due for the archive, and no more, in the folder of a stopped service; the name of the log's."""
    for days_ago in (720, 600, 480):
        service = place.serve("--archive", "s3://audit/nowhere-yet", days_ago=days_ago)
        if days_ago == 720:
            service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
        service.record("acme", [event(days_ago * 1_000 + number) for number in range(200)])
        service.seal()
        folder = service.get("/v1/orgs/acme/log")["origin"].split("/")[1]
        service.stop()
    assert not place.s3.keys("audit", f"nowhere-yet/{folder}/"), "nothing is due yet"
    return folder


@check
def killed_while_tiering(place):
    folder = three_segments(place)
    in_archive = lambda: place.s3.keys("audit", f"archive/{folder}/")
    put, killed = threading.Event(), threading.Event()

    def after(noted):
        if noted.method == "PUT" and len(in_archive()) == 2:
            put.set()
            killed.wait(30)

    place.s3.after = after
    service = place.serve()
    # A clock that has gone on by months is not believed by itself; the operator says that it is right.
    threading.Thread(target=service.run, args=("retention", "run", "--org", "acme"), daemon=True).start()
    assert put.wait(60), service.log()
    # The second segment lies in the bucket and in no manifest.
    service.kill()
    killed.set()
    place.s3.after = None
    orphan = set(in_archive())
    place.s3.answer = lambda noted: ("503 Slow Down", "SlowDown") if noted.method == "PUT" else None
    service = place.serve()
    assert len(in_archive()) == 1 and set(in_archive()) < orphan, "what no manifest lists was removed"
    assert len(service.found("acme", "from=-800d&q=action:component.deploy")["events"]) == 100
    assert service.found("acme", "q=target:c-600007&from=-800d")["events"], "still at hand"
    place.s3.answer = None
    service.done("retention", "run", "--org", "acme")
    assert plan(service)["to_archive"]["events"] == 0
    assert len(in_archive()) == plan(service)["archived"]["segments"] == 3
    status, exported, _ = service.raw("GET", "/v1/orgs/acme/export?format=ndjson&from=-900d&q=action:component.deploy")
    assert status == 200 and exported.count(b"\n") == 600
    service.done("verify", service.url, "--org", "acme")
    service.stop()


@check
def away_and_back(place):
    three_segments(place)
    place.s3.down()
    # Everything goes on that does not need the bucket, and nothing is called damaged.
    service = place.serve()
    service.record("acme", [event(1)])
    ready = service.get("/readyz")
    assert ready["status"] == "degraded" and ready["archive"] == "failing" and ready["damaged_organizations"] == 0, ready
    ran = service.run("retention", "run", "--org", "acme")
    assert ran.returncode != 0
    assert plan(service)["archived"]["events"] == 0
    assert service.found("acme", "q=target:c-720007&from=-800d")["events"], "still at hand"
    assert service.metric("actarium_archive_request_failures_total") > 0
    assert service.metric("actarium_archive_failing") == 1
    place.s3.up()
    service.done("retention", "run", "--org", "acme")
    assert plan(service)["archived"]["segments"] == len(place.archived(service)) == 3
    ready = service.get("/readyz")
    assert ready["status"] == "ok" and ready["archive"] == "ok" and ready["damaged_organizations"] == 0, ready
    service.stop()
    place.s3.down()
    service = place.serve()
    assert service.found("acme", "q=target:c-1")["events"], "what is at hand is found"
    status, answer, headers = service.raw("GET", "/v1/orgs/acme/events?q=target:c-720007&from=-800d")
    assert status == 503 and headers["retry-after"], (status, answer)
    soon("not read again", lambda: "segments were read again, of some logs not all" in service.log())
    service.record("acme", [event(2)])
    assert service.get("/readyz")["damaged_organizations"] == 0
    place.s3.up()
    assert len(service.found("acme", "q=target:c-720007&from=-800d")["events"]) == 1
    service.stop()


def locked_until(place, bucket, key):
    found = place.s3.client().head_object(Bucket=bucket, Key=key)
    return found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")


def begun(place):
    """Logs that have published a checkpoint, in the folder of a stopped service: the first look of the next copies it."""
    service = place.serve()
    service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
    service.stop()


@check
def copies_are_locked(place):
    place.s3.make("locked", locks=True)
    service = place.serve("--copy-checkpoints", "s3://locked/copies", "--copy-checkpoints-lock", "30")
    service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
    service.stop()
    keys = place.s3.keys("locked", "copies/")
    assert len(keys) >= 2 and all(key.endswith(".checkpoint") for key in keys), keys
    for key in keys:
        mode, until = locked_until(place, "locked", key)
        days = (until - datetime.now(timezone.utc)) / timedelta(days=1)
        assert mode == "COMPLIANCE" and 29.9 < days < 30.1, (mode, until)
    puts = [noted for noted in place.s3.noted if noted.method == "PUT"]
    for noted in puts:
        for header in ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-checksum-sha256", "if-none-match", "x-amz-sdk-checksum-algorithm"):
            assert header in noted.signed, (header, noted)
    # Nobody takes it back.
    version = place.s3.client().list_object_versions(Bucket="locked", Prefix=keys[0])["Versions"][0]["VersionId"]
    try:
        place.s3.client().delete_object(Bucket="locked", Key=keys[0], VersionId=version)
        raise AssertionError("a locked copy was deleted")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
    service = place.serve("--copy-checkpoints", "s3://locked/copies", "--copy-checkpoints-lock", "30")
    service.record("acme", [event(1)])
    copy = lambda: service.get("/v1/orgs/acme/log")["copy"]
    assert copy()["locked_until"] is None, "of an older one it is not asked"
    service.stop()


@check
def copies_take_the_lock_of_the_bucket(place):
    place.s3.make("default", locks=True)
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 10}}}
    place.s3.client().put_object_lock_configuration(Bucket="default", ObjectLockConfiguration=rule)
    begun(place)
    service = place.serve("--copy-checkpoints", "s3://default")
    soon("copied", lambda: service.metric("actarium_checkpoint_copies_total") > 0)
    assert service.metric("actarium_checkpoint_copies_unlocked_total") == 0
    until = service.get("/v1/orgs/actarium/log")["copy"]["locked_until"]
    assert until > datetime.now(timezone.utc).isoformat(), until
    service.stop()
    for key in place.s3.keys("default"):
        assert locked_until(place, "default", key)[0] == "GOVERNANCE"
    # Where nothing is locked, that is counted.
    service = place.serve("--copy-checkpoints", "s3://audit/copies")
    soon("copied", lambda: service.metric("actarium_checkpoint_copies_unlocked_total") > 0)
    service.stop()


@check
def copies_wait_and_are_compared(place):
    place.s3.make("copies", locks=True)
    arguments = ["--copy-checkpoints", "s3://copies/of/checkpoints"]
    place.s3.down()
    service = place.serve(*arguments)
    service.ask("POST", "/v1/orgs", {"slug": "acme", "name": "Acme"}, 201)
    soon("failing", lambda: service.metric("actarium_checkpoint_copies_failing") == 1)
    assert service.get("/readyz")["checkpoint_copies"] == "failing"
    assert "cannot be reached" in service.log()
    place.s3.up()
    service.record("acme", [event(1)])
    service.stop()
    backup = place.folder / "backup"
    shutil.copytree(place.data, backup)
    service = place.serve(*arguments)
    service.record("acme", [event(2)])
    service.stop()
    keys = place.s3.keys("copies", "of/checkpoints/")
    assert len(keys) >= 3, keys
    # An older folder is put back: as long as the place is away nobody can know, then it takes no more writes.
    shutil.rmtree(place.data)
    shutil.copytree(backup, place.data)
    service = place.serve(*arguments)
    assert service.get("/v1/orgs/acme/log")["state"] == "stopped"
    status, answer, _ = service.raw("POST", "/v1/orgs/acme/events", event(3))
    assert status == 503, answer
    service.stop()
    assert place.s3.keys("copies", "of/checkpoints/") == keys, "nothing there was changed"


@check
def what_is_wrong_is_said(place):
    def refused(expected, *arguments, **environment):
        try:
            place.serve(*arguments, **environment).kill()
            raise AssertionError(f"it started; {expected}")
        except Refused as error:
            told = str(error)
            assert expected in told, told
            assert "secret-of-the-test" not in told, told

    for arguments in (["--archive", "s3://missing/a"], ["--copy-checkpoints", "s3://missing/a"]):
        refused("there is no bucket missing", *arguments)
    refused("AWS_ACCESS_KEY_ID", *place.archive, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    refused("AWS_ALLOW_HTTP", *place.archive, AWS_ALLOW_HTTP=None)
    refused("neither credentials nor an endpoint", "--archive", "s3://key:another@audit/a")
    refused("gs URLs are not known", "--archive", "gs://audit/a")
    refused("a folder locks nothing", "--copy-checkpoints", "copies", "--copy-checkpoints-lock", "30")
    for answer, expected in [
        (("403 Forbidden", "AccessDenied"), "access is denied (AccessDenied"),
        (("403 Forbidden", "SignatureDoesNotMatch"), "the credentials are refused"),
        (("301 Moved Permanently", "PermanentRedirect"), "set AWS_REGION"),
        (("400 Bad Request", "AuthorizationHeaderMalformed"), "set AWS_REGION"),
    ]:
        place.s3.answer = lambda noted: answer
        refused(expected, *place.archive)
    place.s3.answer = None
    # A bucket without object lock cannot lock: said when it is first asked to, and nothing else stops.
    begun(place)
    service = place.serve("--copy-checkpoints", "s3://audit/copies", "--copy-checkpoints-lock", "30")
    soon("failing", lambda: service.metric("actarium_checkpoint_copies_failing") == 1)
    assert "InvalidRequest" in service.log(), service.log()
    service.record("acme", [event(1)])
    service.stop()


def main():
    binary, *names = sys.argv[1:]
    wanted = [function for function in CHECKS if not names or function.__name__ in names]
    assert wanted, f"no check of these names; there are {', '.join(one.__name__ for one in CHECKS)}"
    failed = 0
    for function in wanted:
        place = Place(os.path.abspath(binary))
        began_at = time.monotonic()
        try:
            function(place)
            print(f"s3: {function.__name__}: ok, {time.monotonic() - began_at:.1f} s", flush=True)
        except Exception as error:
            failed += 1
            print(f"s3: {function.__name__}: FAILED: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        finally:
            place.end()
    print(f"{len(wanted) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
