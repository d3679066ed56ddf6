"""One Actarium server under measurement: start, watch, settle, stop. It is only spoken to over HTTP."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path

START_SECONDS_MAX = 60
SETTLE_SECONDS_MAX = 600
QUIET_SECONDS = 3.0
QUIET_CPU = 0.04
LOOK_SECONDS = 0.25
TICKS = os.sysconf("SC_CLK_TCK")
WATCHED = ["actarium_unsealed_events", "actarium_segments", "actarium_seals_total", "actarium_merges_total"]


class Server:
    """`with Server(binary, folder) as server:`; `restart()` keeps the data."""

    def __init__(self, binary, data, log):
        self.binary, self.data, self.log = binary, Path(data), Path(log)
        self.process, self.port, self.peak_bytes, self.ready_seconds = None, None, 0, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        begun = time.perf_counter()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--data-dir", str(self.data), "--listen", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )
        line = self.process.stdout.readline()
        if "http://" not in line:
            self.process.wait(10)
            raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}")
        self.port = int(line.rsplit(":", 1)[1].strip().rstrip("/"))
        while self.status("GET", "/readyz") != 200:
            if time.perf_counter() - begun > START_SECONDS_MAX:
                raise RuntimeError("the server did not become ready")
            time.sleep(0.002)
        self.ready_seconds = time.perf_counter() - begun

    def stop(self):
        if self.process is None:
            return
        self.note_peak()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self):
        return (self.data / "operator.token").read_text().strip()

    def environment(self):
        return {**os.environ, "ACTARIUM_URL": self.url, "ACTARIUM_TOKEN": self.token}

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def status(self, method, path):
        try:
            return self.request(method, path)[0]
        except OSError:
            return None

    def create_organizations(self, slugs):
        for slug in slugs:
            status, body = self.request("POST", "/v1/orgs", {"slug": slug, "name": slug})
            if status not in (201, 409):
                raise RuntimeError(f"creating {slug}: {status} {body[:500]}")

    def metrics(self):
        status, body = self.request("GET", "/metrics")
        if status != 200:
            raise RuntimeError(f"/metrics: {status}")
        lines = (line.rsplit(" ", 1) for line in body.decode().splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in lines}

    def note_peak(self):
        try:
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)
        except FileNotFoundError:
            pass

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def settle(self, begun):
        """Waits until the server rests; seconds from `begun` to the last seal or merge. What it tidies after that, two seconds
        later, is waited for and not counted, as the vacuum of others is not."""
        last_busy, last_change, last_seen = time.perf_counter(), time.perf_counter(), None
        last_cpu, last_look = self.cpu_seconds(), time.perf_counter()
        while time.perf_counter() - begun < SETTLE_SECONDS_MAX:
            time.sleep(LOOK_SECONDS)
            metrics = self.metrics()
            seen, cpu, now = [metrics.get(name) for name in WATCHED], self.cpu_seconds(), time.perf_counter()
            if seen != last_seen:
                last_change = last_busy = now
            elif (cpu - last_cpu) / (now - last_look) > QUIET_CPU:
                last_busy = now
            if now - last_busy > QUIET_SECONDS:
                break
            last_seen, last_cpu, last_look = seen, cpu, now
        self.note_peak()
        return last_change - begun


def forget_cached(folder):
    """Takes the folder's files out of the page cache; says how."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return "drop_caches"
    except OSError:
        pass
    for base, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(base, name), os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
    return "posix_fadvise(DONTNEED) on every file; directory entries stay cached"


def bytes_on_disk(folder):
    """Allocated bytes of a folder's files."""
    paths = (os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_blocks * 512 for path in paths)
