"""Runs every check of scim2-tester against a service: `scim.py URL OPERATOR_TOKEN`. Fails unless all of them are well.

The service is discovered by its own /Schemas and /ResourceTypes, so what these say is tested too. A check that is skipped
counts as one that failed.
"""

import json
import sys
import urllib.request
from collections import Counter

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

WELL = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
# A tester that finds nothing to check must not pass for one that finds nothing wrong.
CHECKS_MIN = 60


def post(url, token, body):
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def main():
    url, operator = sys.argv[1:]
    post(f"{url}/v1/orgs", operator, {"slug": "demo", "name": "Demo"})
    token = post(f"{url}/v1/orgs/demo/scim-tokens", operator, {"name": "scim2-tester"})["secret"]
    headers = {"authorization": f"Bearer {token}"}
    with Client(base_url=f"{url}/v1/orgs/demo/scim/v2", headers=headers, timeout=60) as http:
        results = check_server(SyncSCIMClient(http))
    for result in results:
        if result.status not in WELL:
            print(f"{result.status.name} {result.title} {result.resource_type or ''}: {result.reason}\n  {result.data}")
    counts = Counter(result.status.name for result in results)
    print("scim2-tester:", ", ".join(f"{count} {status.lower()}" for status, count in sorted(counts.items())))
    if len(results) < CHECKS_MIN:
        sys.exit(f"only {len(results)} checks were made; there should be {CHECKS_MIN} at least")
    if any(result.status not in WELL for result in results):
        sys.exit(1)


main()
