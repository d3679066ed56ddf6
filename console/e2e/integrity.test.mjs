// The integrity of the log as a whole: what a browser sees that comes again, also when the service answers with another log.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { administratorState, BINARY, browser, service, serviceAndBrowser, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const run = promisify(execFile);
const PAGE = "/orgs/demo/integrity";
const CHECKPOINT = /\/v1\/orgs\/demo\/log\/checkpoint/;
const on = (name, look, options) => test(name, () => withPage(browser, service, name, look, { storageState: state, ...options }));
const checks = (page) => page.locator(".checks-lines li");
const log = async (path) => (await fetch(`${service.url}/v1/orgs/demo/log/${path}`, { headers: { authorization: `Bearer ${service.token}` } })).text();

/** Makes the log grow, and waits until a checkpoint says so. */
async function grow(events) {
  const before = await log("checkpoint");
  const deploy = { action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }] };
  await service.record("demo", Array.from({ length: events }, () => deploy));
  for (let tries = 0; tries < 60; tries++) {
    if ((await log("checkpoint")) !== before) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("no checkpoint was published");
}

on("the log is checked, and again when it has grown", async (page) => {
  await page.goto(PAGE);
  await checks(page).filter({ hasText: "had not seen the log before" }).waitFor();
  const first = (await log("checkpoint")).split("\n")[1];
  await grow(700);
  await page.getByRole("button", { name: "Check again" }).click();
  await checks(page).filter({ hasText: /entries begin with the [\d,]+ that this browser saw/ }).waitFor();
  assert.match(await checks(page).nth(1).textContent(), new RegExp(Number(first).toLocaleString("en")));
  assert.equal(await page.locator(".check-wrong").count(), 0);
  await page.getByText((await log("key")).trim(), { exact: true }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download checkpoint" }).click()]);
  assert.match(await readFile(await download.path(), "utf8"), /^actarium\.local\/[0-9a-f]{32}\n\d+\n/);
  const copied = async (name) => {
    await page.getByRole("button", { name: `Copy ${name} command` }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const [key] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download key" }).click()]);
  assert.equal(await readFile(await key.path(), "utf8"), await log("key"));
  const [signIn, exporting] = (await copied("export")).split("\n");
  assert.equal(signIn, `actarium login --url ${service.url}`);
  // What is copied works as it is, where the two files are.
  const folder = await mkdtemp(join(tmpdir(), "actarium-offline-"));
  try {
    await download.saveAs(join(folder, download.suggestedFilename()));
    await key.saveAs(join(folder, key.suggestedFilename()));
    const env = { PATH: `${dirname(BINARY)}:${process.env.PATH}`, ACTARIUM_TOKEN: service.token };
    await run("sh", ["-c", exporting], { cwd: folder, env });
    const { stdout } = await run("sh", ["-c", await copied("verify")], { cwd: folder, env });
    assert.match(stdout, /Sound, and anchored/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

on("a log that was rolled back is red, with what to do, and the browser may begin anew", async (page) => {
  const before = await log("checkpoint");
  await grow(3);
  await page.goto(PAGE);
  await checks(page).nth(1).waitFor();
  // An older state, signed by the log in its time.
  await page.route(CHECKPOINT, (route) => route.fulfill({ body: before, contentType: "text/plain" }));
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByRole("alert").filter({ hasText: "This log is not what it was." }).waitFor();
  await page.locator(".check-wrong").filter({ hasText: "It was rolled back, or its end was cut off" }).waitFor();
  const [kept] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download what it said before" }).click()]);
  assert.ok(Number((await readFile(await kept.path(), "utf8")).split("\n")[1]) > Number(before.split("\n")[1]));
  // It stays red until somebody says otherwise.
  await page.reload();
  await page.getByRole("alert").filter({ hasText: "This log is not what it was." }).waitFor();
  await page.getByRole("button", { name: "let this browser begin anew" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Begin anew" }).click();
  await checks(page).filter({ hasText: "had not seen the log before" }).waitFor();
});

on("a log whose past was rewritten is red", async (page) => {
  await page.goto(PAGE);
  await checks(page).nth(1).waitFor();
  // What this browser saw of it had another root.
  await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem("actarium.log.demo"));
    const lines = kept.checkpoint.split("\n");
    lines[2] = `${lines[2].startsWith("A") ? "B" : "A"}${lines[2].slice(1)}`;
    localStorage.setItem("actarium.log.demo", JSON.stringify({ ...kept, checkpoint: lines.join("\n") }));
  });
  await grow(5);
  await page.getByRole("button", { name: "Check again" }).click();
  await page.locator(".check-wrong").filter({ hasText: "Its past was rewritten" }).waitFor();
});

on("tiles that are not those of the log prove nothing", async (page) => {
  await page.goto(PAGE);
  await checks(page).nth(1).waitFor();
  await grow(5);
  await page.route(/\/log\/tile\//, async (route) => {
    const response = await route.fetch();
    const body = await response.body();
    body.fill(7);
    await route.fulfill({ response, body });
  });
  await page.getByRole("button", { name: "Check again" }).click();
  await page.getByRole("alert").filter({ hasText: "This log is not what it was." }).waitFor();
});

on("a checkpoint that nobody signed is red", async (page) => {
  await page.route(CHECKPOINT, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`) });
  });
  await page.goto(PAGE);
  await page.locator(".check-wrong").filter({ hasText: "The signature is not over this checkpoint" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("actarium.log.demo")), null);
});
