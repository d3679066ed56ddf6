// Verifying an event in the browser: against the real log, and against answers that somebody between the two has changed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { administratorState, BINARY, browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const LOG = "/orgs/demo/audit-logs?tz=utc&from=-30d&q=action:component.promote&f=outcome:denied";
const EVENTS = /\/v1\/orgs\/demo\/events\?/;
const PROOF = /\/v1\/orgs\/demo\/events\/[^?]+\?proof=true/;
const KEY = /\/v1\/orgs\/demo\/log\/key/;

async function verify(page) {
  await page.goto(LOG);
  await (await rows(page)).nth(1).click();
  const proof = page.getByRole("region", { name: "Proof" });
  await proof.getByRole("button", { name: "Verify" }).click();
  await proof.locator(".checks-lines").waitFor();
  return proof;
}

/** Gives the page something else than the service answered. */
async function change(page, pattern, changed) {
  await page.route(pattern, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: await changed(await response.text()) });
  });
}

/** The proof with its event changed. */
function withEvent(proof, changed) {
  return proof.replace(/^extra (.*)$/m, (_, extra) => `extra ${Buffer.from(changed(Buffer.from(extra, "base64").toString())).toString("base64")}`);
}

async function failsAt(page, step, found) {
  const proof = await verify(page);
  await proof.getByRole("alert").filter({ hasText: `Not proven: step ${step} of ` }).waitFor();
  const wrong = proof.locator(".proof-steps > li").nth(step - 1);
  assert.match(await wrong.getAttribute("class"), /check-wrong/);
  assert.match(await wrong.textContent(), found);
  // In the colour of what failed.
  const failed = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--failed").trim());
  const hex = (await wrong.locator("p").evaluate((one) => getComputedStyle(one).color)).match(/\d+/g).map((part) => Number(part).toString(16).padStart(2, "0")).join("");
  assert.equal(`#${hex}`, failed);
  return proof;
}

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));

on("an event is proven, its steps are shown, and the log is known from then on", async (page) => {
  const proof = await verify(page);
  const lines = proof.locator(".checks-lines li");
  assert.equal(await lines.count(), 4);
  assert.equal(await proof.locator(".check-wrong").count(), 0);
  const id = new URL(page.url()).searchParams.get("event");
  const { seq } = await service.api("GET", `/v1/orgs/demo/events/${id}`);
  await lines.filter({ hasText: `Included at position ${seq.toLocaleString("en")} of ` }).waitFor();
  await lines.filter({ hasText: "New to this browser" }).waitFor();
  await proof.getByRole("button", { name: "Show steps" }).click();
  assert.equal(await proof.locator(".proof-steps > li").count(), 6);
  // The log grows; the browser sees that it begins with what it knew.
  await service.record("demo", { action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }] });
  await page.waitForTimeout(1_500);
  const again = await verify(page);
  await again.locator(".checks-lines li").filter({ hasText: "The same log that this browser has known since" }).waitFor();
  await again.getByRole("button", { name: "Show steps" }).click();
  await again.locator(".proof-steps > li").nth(5).getByText(/begins with the [\d,]+ that it saw before, by the same key/).waitFor();
  // What is downloaded holds without the console and without the service.
  const [download] = await Promise.all([page.waitForEvent("download"), again.getByRole("button", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), `${id}.tlog-proof`);
  const file = join(service.folder, download.suggestedFilename());
  await download.saveAs(file);
  const key = (await (await fetch(`${service.url}/v1/orgs/demo/log/key`, { headers: { authorization: `Bearer ${service.token}` } })).text()).trim();
  await promisify(execFile)(BINARY, ["verify", file, "--key", key]);
});

on("a field that is shown otherwise than it was recorded is seen", async (page) => {
  await change(page, EVENTS, (body) => body.replaceAll('"outcome":"denied"', '"outcome":"success"'));
  const proof = await failsAt(page, 1, /1 value shown is not what was recorded/);
  await proof.getByText("outcome, recorded").waitFor();
});

on("a value that is added to what is shown is seen", async (page) => {
  await change(page, EVENTS, (body) => body.replaceAll('"source":"api"', '"source":"api","message":"approved by Priya"'));
  await failsAt(page, 1, /message, shown"approved by Priya"message, recordednothing/);
});

on("an event that is changed in every answer is seen", async (page) => {
  await change(page, EVENTS, (body) => body.replaceAll('"outcome":"denied"', '"outcome":"success"'));
  await change(page, PROOF, (body) => withEvent(body, (event) => event.replace('\\"outcome\\":\\"denied\\"', '\\"outcome\\":\\"success\\"')));
  await failsAt(page, 2, /a text or a salt was changed/);
});

on("another time of recording is seen", async (page) => {
  await change(page, PROOF, (body) => withEvent(body, (event) => event.replace(/"recorded_at":(\d+)/, (_, at) => `"recorded_at":${Number(at) - 60_000_000}`)));
  await failsAt(page, 1, /2 values shown are not what was recorded/);
});

on("a changed hash of the proof is seen", async (page) => {
  await change(page, PROOF, (body) => body.replace(/(\nindex \d+\n)(.)/, (_, index, first) => `${index}${first === "A" ? "B" : "A"}`));
  await failsAt(page, 4, /another root/);
});

on("another position is seen", async (page) => {
  await change(page, PROOF, (body) => body.replace(/\nindex (\d+)\n/, (_, index) => `\nindex ${Number(index) + 1}\n`));
  await failsAt(page, 4, /another position/);
});

on("a changed signature is seen", async (page) => {
  await change(page, PROOF, (body) => body.replace(/(\n— \S+ )(\S+)\n$/, (_, name, base64) => {
    const bytes = Buffer.from(base64, "base64");
    bytes[20] ^= 1;
    return `${name}${bytes.toString("base64")}\n`;
  }));
  await failsAt(page, 5, /the checkpoint or the signature was changed/);
});

on("a checkpoint of another size is seen", async (page) => {
  await change(page, PROOF, (body) => body.replace(/(\n\n\S+\n)(\d+)(\n)/, (_, origin, size, end) => `${origin}${Number(size) + 1}${end}`));
  const proof = await verify(page);
  await proof.getByRole("alert").filter({ hasText: "Not proven" }).waitFor();
  assert.match(await proof.locator(".proof-steps > li").nth(4).getAttribute("class"), /check-wrong/);
});

/** A key of somebody else's for the same log. */
function otherKey(origin) {
  const pair = generateKeyPairSync("ed25519");
  const bytes = Buffer.concat([Buffer.from([1]), Buffer.from(pair.publicKey.export({ format: "jwk" }).x, "base64url")]);
  const id = createHash("sha256").update(`${origin}\n`).update(bytes).digest().subarray(0, 4);
  return {
    line: `${origin}+${id.toString("hex")}+${bytes.toString("base64")}\n`,
    resign: (body) => body.replace(/\n\n(\S+\n\d+\n\S+\n)\n— (\S+) \S+\n$/, (_, text, name) =>
      `\n\n${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), pair.privateKey)]).toString("base64")}\n`),
  };
}

on("a key that did not sign is seen", async (page) => {
  await change(page, KEY, (body) => otherKey(body.split("+")[0]).line);
  await failsAt(page, 5, /signed by another key/);
});

on("a log that is signed anew with another key is seen by who knew it", async (page) => {
  await verify(page);
  const origin = (await page.evaluate(async () => (await fetch("/v1/orgs/demo/log/key")).text())).split("+")[0];
  const other = otherKey(origin);
  await change(page, KEY, () => other.line);
  await change(page, PROOF, other.resign);
  await failsAt(page, 6, /another key than the one that this browser knows/);
});

on("a log that is rolled back is seen by who knew it", async (page) => {
  await verify(page);
  // What the service answered before: signed by the log, and in order by itself.
  const id = new URL(page.url()).searchParams.get("event");
  const before = await page.evaluate(async (one) => (await fetch(`/v1/orgs/demo/events/${one}?proof=true`)).text(), id);
  await service.record("demo", { action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }] });
  await page.waitForTimeout(1_500);
  await verify(page);
  await change(page, PROOF, () => before);
  await failsAt(page, 6, /The log was rolled back/);
});

on("an answer that fails is no verdict", async (page) => {
  await page.route(PROOF, (route) => route.fulfill({ status: 503, headers: { "content-type": "application/problem+json", "retry-after": "1" }, body: JSON.stringify({ type: "https://actarium.dev/problems/unavailable", title: "Not available", status: 503, detail: "the log takes no writes" }) }));
  await page.goto(LOG);
  await (await rows(page)).nth(1).click();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByRole("heading", { name: "The proof could not be had" }).waitFor();
  assert.equal(await page.locator(".checks-lines").count(), 0);
}, { allowed: [/status of 503/] });

on("a browser without Ed25519 says so, and calls nothing proven", async (page) => {
  await page.addInitScript(() => {
    window.crypto.subtle.importKey = () => Promise.reject(new window.DOMException("no such algorithm", "NotSupportedError"));
  });
  const proof = await verify(page);
  await proof.getByRole("alert").filter({ hasText: "Not wholly checked: step 5 of 6" }).waitFor();
  await proof.getByText("This browser cannot check Ed25519 signatures.").first().waitFor();
});

test("who may not verify is not offered it", async () => {
  const role = await service.api("POST", "/v1/orgs/demo/roles", { name: "Only reading", permissions: ["audit_logs_view"] });
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: "Readers" });
  await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role: role.id, level: "organization" });
  const reader = await service.person("reader", [group.id]);
  await withPage(browser, service, "proof not permitted", async (page) => {
    await signIn(page, reader, LOG);
    await (await rows(page)).nth(1).click();
    await page.locator(".event-facts h2").waitFor();
    assert.equal(await page.getByRole("button", { name: "Verify" }).count(), 0);
  });
});
