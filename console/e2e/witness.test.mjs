// Witnesses as the console shows them: one that runs, whose signature this browser checks, and one that nobody reaches.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { BINARY, launch, Service, signIn, withPage } from "./service.mjs";

let service;
let browser;
let witness;

/** Runs a witness that signs for one log; gives its address and key. */
async function run(folder, name, logKey) {
  const child = spawn(BINARY, ["witness", "--dir", join(folder, name), "--listen", "127.0.0.1:0", "--name", name, "--log", logKey], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, what, value] = /^(listening on|key) (.+)$/.exec(line) ?? [];
    if (what) found[what] = value;
    if (found.key) break;
  }
  return { at: `${found["listening on"]}=${found.key}`, end: () => (child.kill("SIGTERM"), ended) };
}

before(async () => {
  const first = await Service.start();
  const key = await (await fetch(`${first.url}/v1/orgs/demo/log/key`, { headers: { authorization: `Bearer ${first.token}` } })).text();
  witness = await run(first.folder, "witness.example.com", key.trim());
  const away = await run(first.folder, "away.example.com", key.trim());
  await away.end();
  await first.end();
  const options = ["--witness", witness.at, "--witness", away.at, "--witness-seconds", "1"];
  [service, browser] = await Promise.all([Service.start({ folder: first.folder, arguments: options }), launch()]);
});
after(async () => {
  await browser?.close();
  await witness?.end();
  await service?.stop();
});

test("the signature of a witness is checked in the browser, and one that is away is named", () =>
  withPage(browser, service, "witness", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/integrity");
    const table = page.getByRole("region", { name: "Witnesses" });
    // It signs what was published, within a second or two.
    const signed = table.getByText("signature checked here");
    for (let tries = 0; tries < 30 && (await signed.count()) === 0; tries++) {
      await page.waitForTimeout(500);
      await page.getByRole("button", { name: "Check again" }).click();
      await page.getByRole("button", { name: "Check again" }).waitFor();
    }
    const here = table.getByRole("row", { name: /witness\.example\.com/ });
    await here.getByText("signature checked here").waitFor();
    await here.getByText(/^last signed .*\d\d:\d\d UTC$/).waitFor();
    const away = table.getByRole("row", { name: /away\.example\.com/ });
    await away.getByText("Cannot be reached").waitFor();
    await away.getByText("has never signed").waitFor();
    await page.locator(".checks-lines li").filter({ hasText: "witnessed by 1 of 2" }).waitFor();
    assert.equal(await page.locator(".checks-verdict").count(), 0);
  }));
