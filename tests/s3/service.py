"""The real binary on a data folder of its own, at whatever time it is to be."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

DAY_SECONDS = 24 * 60 * 60


class Refused(Exception):
    """The program did not start."""


class Service:
    def __init__(self, binary, data, environment, arguments=(), days_ago=0):
        self.binary, self.data = binary, Path(data)
        self.environment = {**os.environ, **environment}
        for name in [name for name, value in self.environment.items() if value is None]:
            del self.environment[name]
        self.log_file = self.data.with_suffix(".log")
        served = dict(self.environment)
        if days_ago:
            served["LD_PRELOAD"] = os.environ["CLOCK_SHIM"]
            served["CLOCK_SECONDS_BACK"] = str(days_ago * DAY_SECONDS)
        self.began_at = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            command = [binary, "serve", "--data-dir", str(data), "--listen", "127.0.0.1:0", *arguments]
            # What is sealed and when is the checks' to say.
            command += ["--seal-automatic", "false"]
            self.process = subprocess.Popen(command, env=served, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = None
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1]
                break
        if not self.url:
            self.process.wait()
            raise Refused(self.log())
        self.token = (self.data / "operator.token").read_text().strip()

    def administrator(self, org, email):
        """Makes an administrator; the headers of that person's session."""
        password = "violet-umbrella-71-quay"
        file = self.data.with_suffix(".password")
        file.write_text(password)
        self.done("setup", "--org", org, "--email", email, "--password-file", str(file))
        status, answer, headers = self.raw("POST", "/v1/session", {"email": email, "password": password}, {"authorization": None})
        assert status in (200, 201), answer
        cookie = headers["set-cookie"].split(";")[0]
        return {"authorization": None, "cookie": cookie, "x-csrf-token": json.loads(answer)["csrf_token"]}

    def log(self):
        with open(self.log_file, "rb") as log:
            log.seek(self.began_at)
            return log.read().decode()

    def raw(self, method, path, body=None, headers=None):
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json", **(headers or {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def ask(self, method, path, body=None, status=200):
        got, answer, _ = self.raw(method, path, body)
        assert got == status, f"{method} {path}: {got} {answer[:500]!r}\n{self.log()[-2000:]}"
        return json.loads(answer) if answer else None

    def get(self, path, status=200):
        return self.ask("GET", path, status=status)

    def record(self, org, events):
        self.ask("POST", f"/v1/orgs/{org}/events", events, 201)

    def seal(self):
        self.ask("POST", "/v1/admin/seal", {})

    def found(self, org, query):
        return self.get(f"/v1/orgs/{org}/events?limit=100&{query}")

    def metric(self, name):
        _, text, _ = self.raw("GET", "/metrics")
        values = [line.split()[-1] for line in text.decode().splitlines() if line.split()[0] == name]
        assert values, f"{name} is not in the metrics"
        return float(values[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log()
        assert "panicked" not in self.log(), self.log()

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def run(self, *arguments):
        environment = {**self.environment, "ACTARIUM_URL": self.url, "ACTARIUM_TOKEN": self.token}
        return subprocess.run([self.binary, *arguments], env=environment, capture_output=True, text=True, timeout=300)

    def done(self, *arguments):
        ran = self.run(*arguments)
        assert ran.returncode == 0, f"{arguments}: {ran.stdout}{ran.stderr}\n{self.log()[-2000:]}"
        return ran.stdout


def soon(what, condition, seconds=60):
    """Waits until it is so."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")
