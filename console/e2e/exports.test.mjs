// Exports: counted, made by the service also when the page is left, downloaded, listed, cancelled and deleted; who sees which.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const LOG = "/orgs/demo/audit-logs";
const EXPORTS = "/orgs/demo/exports";
const on = (name, run) => test(name, () => withPage(browser, service, name, run, { storageState: state }));
const kept = async () => (await service.api("GET", "/v1/orgs/demo/exports")).exports;

/** Rows of a CSV: texts may hold line breaks, within quotation marks. */
function csvRows(text) {
  let quoted = false;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (text[at] === "\n" && !quoted) count++;
  }
  return count;
}

async function ask(page, address, choose = async () => {}) {
  await page.goto(address);
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Export", exact: true }).click();
  await choose();
  await page.getByRole("button", { name: /^Export [\d,]+ events?$/ }).click();
}

async function downloaded(page, link) {
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

on("an export goes on when the page is left, and has as many rows as were counted", async (page) => {
  const query = { q: "action:component.*", from: "-60d", to: "-1d" };
  const count = await service.count("demo", query);
  await ask(page, `${LOG}?${new URLSearchParams({ ...query, tz: "utc" })}`);
  // Away at once, to another page and by a new load: the service makes it without us.
  await page.goto("/orgs/demo/users");
  await page.getByRole("heading", { level: 1, name: "Users" }).waitFor();
  await page.getByRole("link", { name: "Exports", exact: true }).click();
  const row = page.getByRole("row", { name: /action:component/ });
  await row.getByText(`Ready, ${count.toLocaleString("en")} events`).waitFor();
  const { name, bytes } = await downloaded(page, row.getByRole("link", { name: /^Download/ }));
  assert.match(name, /^demo-audit-log-\d{8}T\d{6}Z\.csv$/);
  assert.equal(csvRows(bytes.toString()) - 1, count, "and the line that names the columns");

  // The phrase leads back to the same search.
  await row.getByRole("link", { name: query.q }).click();
  await (await rows(page)).first().waitFor();
  const back = new URL(page.url()).searchParams;
  assert.equal(back.get("q"), query.q);
  assert.equal(await service.count("demo", { q: back.get("q"), from: back.get("from"), to: back.get("to") }), count);

  // Asking and downloading are on record; deleting takes the file away.
  await page.getByRole("link", { name: "Exports", exact: true }).click();
  await row.getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete export" }).click();
  await page.getByText("No exports").waitFor();
  assert.deepEqual(await kept(), []);
  for (const action of ["audit_log.export", "audit_log.export.download", "audit_log.export.delete"]) {
    assert.equal(await service.count("demo", { q: `action:${action} actor:${service.administrator.email}`, from: "-1h" }), 1, action);
  }
});

on("the dialog shows how far it is and gives the file", async (page) => {
  const query = { q: "outcome:denied", from: "-30d", to: "-1d" };
  const count = await service.count("demo", query);
  await ask(page, `${LOG}?${new URLSearchParams({ ...query, tz: "utc" })}`, () => page.getByRole("radio", { name: /NDJSON/ }).check());
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/is ready/).waitFor();
  const { name, bytes } = await downloaded(page, dialog.getByRole("link", { name: "Download" }));
  assert.match(name, /\.ndjson$/);
  const events = bytes.toString().trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(events.length, count);
  assert.ok(events.every((event) => event.outcome === "denied"));
  await dialog.getByRole("link", { name: "Exports" }).click();
  await page.getByRole("heading", { level: 1, name: "Exports" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
});

on("one with proof is an archive, and says what it proves", async (page) => {
  await ask(page, `${LOG}?from=-2d&tz=utc`, async () => {
    await page.getByRole("radio", { name: /With proof/ }).check();
    await page.getByRole("checkbox", { name: /nothing is left out/ }).check();
  });
  const dialog = page.getByRole("dialog");
  await dialog.getByText(/is ready/).waitFor({ timeout: 60_000 });
  const { name, bytes } = await downloaded(page, dialog.getByRole("link", { name: "Download" }));
  assert.match(name, /\.tar\.zst$/);
  assert.equal(bytes.subarray(0, 4).toString("hex"), "28b52ffd", "zstd");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Exports", exact: true }).click();
  await page.getByText("With proof, complete").first().waitFor();
});

on("while it is made, every page shows how far it is, and it can be cancelled", async (page) => {
  // The service is quicker than somebody who looks: its answer is held at what it was half-way.
  const made = await service.api("POST", "/v1/orgs/demo/exports", { format: "csv", from: "-30d" });
  const session = await (await page.context().request.get("/v1/session")).json();
  const half = {
    ...made, state: "running", bytes: null, finished_at: null, expires_at: null, downloadable: false, owner: { id: session.user.id, name: "Someone" },
    progress: { done: 500, total: 1000, bytes: 70_000, seconds_left: 130 },
  };
  let now = [half];
  await page.route("**/v1/orgs/demo/exports", (route) => route.fulfill({ json: { exports: now } }));
  await page.goto("/orgs/demo/users");
  const indicator = page.getByRole("link", { name: "1 export is being made, 50 %" });
  await indicator.click();
  await page.getByText("500 of 1,000 events, about 2 minutes left").waitFor();
  await page.getByRole("progressbar", { name: `Export ${half.file}` }).waitFor();
  assert.equal(await page.getByRole("link", { name: /^Download/ }).count(), 0);
  const ended = page.waitForRequest((request) => request.method() === "DELETE" && request.url().endsWith(half.id));
  await page.getByRole("button", { name: `Cancel ${half.file}` }).click();
  await ended;
  await page.getByText(`${half.file} is cancelled`).waitFor();

  // One that ends while another page is open is told there; one that failed says why.
  now = [half];
  await page.goto("/orgs/demo/users");
  await indicator.waitFor();
  now = [{ ...half, state: "failed", progress: null, detail: "the disk has too little space left" }];
  await page.getByText(`${half.file} was not made: the disk has too little space left`).waitFor();
  await page.getByRole("link", { name: "Exports", exact: true }).click();
  await page.getByRole("cell", { name: /Failed: the disk has too little space left/ }).waitFor();
});

on("the keyboard exports, downloads and deletes", async (page) => {
  await page.goto(`${LOG}?from=-7d&tz=utc&q=outcome:denied`);
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Export" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  const go = dialog.getByRole("button", { name: /^Export [\d,]+ events?$/ });
  await go.waitFor();
  for (let steps = 0; steps < 8 && !(await go.evaluate((one) => one === document.activeElement)); steps++) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog.getByText(/is ready/).waitFor();
  const link = dialog.getByRole("link", { name: "Download" });
  for (let steps = 0; steps < 8 && !(await link.evaluate((one) => one === document.activeElement)); steps++) await page.keyboard.press("Tab");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  assert.match(download.suggestedFilename(), /\.csv$/);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.textContent?.includes("Export"));
});

test("who may not export has no such page, and who sees some projects sees their own exports", async () => {
  const reader = await service.person("Readonly", ["developer"]);
  await withPage(browser, service, "no exports", async (page) => {
    await signIn(page, reader, EXPORTS);
    await page.getByText(/Export the audit log/).first().waitFor();
    assert.equal(await page.getByRole("link", { name: "Exports", exact: true }).count(), 0);
  });
  const role = await service.api("POST", "/v1/orgs/demo/roles", { name: "Part of the log", permissions: ["audit_logs_view", "audit_logs_export"] });
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: "Part" });
  await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role: role.id, level: "project", projects: ["payments"] });
  const part = await service.person("Partly", [group.id]);
  await service.api("POST", "/v1/orgs/demo/exports", { format: "csv", q: "outcome:denied" });
  await withPage(browser, service, "exports in part", async (page) => {
    await signIn(page, part, EXPORTS);
    await page.getByText("No exports").waitFor();
    await page.goto(`${LOG}?from=-30d&tz=utc`);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("radio", { name: /NDJSON/ }).check();
    assert.equal(await page.getByRole("radio", { name: /With proof/ }).count(), 0, "for the whole log alone");
    await page.getByRole("button", { name: /^Export [\d,]+ events?$/ }).click();
    await page.getByRole("dialog").getByText(/is ready/).waitFor();
    const { bytes } = await downloaded(page, page.getByRole("dialog").getByRole("link", { name: "Download" }));
    const events = bytes.toString().trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.ok(events.length > 0 && events.every((event) => event.targets.some((target) => target.type === "project" && target.id === "payments")));
  });
});
