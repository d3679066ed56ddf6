"""An S3 server on a free port of this machine: moto's, with every request noted, and with whatever the checks do to it."""

import threading
from collections import namedtuple

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "eu-central-1"

Noted = namedtuple("Noted", "method path range signed headers")


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


class S3:
    """The server. `noted` are its requests; `answer`, if set, answers in its place where it returns something."""

    def __init__(self):
        self.app = DomainDispatcherApplication(create_backend_app)
        self.noted = []
        self.answer = None
        self.after = None
        self.port = 0
        self.server = None
        self.up()

    def _call(self, environ, start_response):
        headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        by_us = headers.get("user-agent", "").startswith("actarium/")
        signed = headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0].split(";")
        noted = Noted(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers.get("range"), signed, headers)
        if by_us:
            self.noted.append(noted)
            refused = self.answer and self.answer(noted)
            if refused:
                status, code = refused
                body = f"<Error><Code>{code}</Code><Message>Set up so</Message></Error>".encode()
                start_response(status, [("content-type", "application/xml"), ("content-length", str(len(body)))])
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                return [body]
        answered = self.app(environ, start_response)
        if by_us and self.after:
            self.after(noted)
        return answered

    def up(self):
        self.server = make_server("127.0.0.1", self.port, self._call, threaded=True, request_handler=Quiet)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def down(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def environment(self):
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
        }

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="secret-of-the-test",
        )

    def make(self, name, locks=False):
        self.client().create_bucket(
            Bucket=name,
            ObjectLockEnabledForBucket=locks,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )

    def keys(self, bucket, prefix=""):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))
