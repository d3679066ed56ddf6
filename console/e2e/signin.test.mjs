// Signing in and out, and what somebody sees who may see little.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, PASSWORD, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

serviceAndBrowser();

test("somebody signs in with a password, comes to where they wanted to go, and signs out", () =>
  withPage(browser, service, "sign in", async (page) => {
    await page.goto("/orgs/demo/audit-logs?from=-7d&tz=utc");
    await page.waitForURL(/\/sign-in\?next=/);
    await page.getByLabel("E-mail address").fill(service.administrator.email);
    await page.getByLabel("Password").fill("not this one");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "is wrong" }).waitFor();
    await page.getByLabel("Password").fill(service.administrator.password);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/orgs\/demo\/audit-logs\?from=-7d&tz=utc/);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: /your account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in$/);
    await page.goto("/orgs/demo/audit-logs");
    await page.waitForURL(/\/sign-in/);
  }));

test("an address elsewhere is nowhere to go to after signing in", () =>
  withPage(browser, service, "foreign next", async (page) => {
    await signIn(page, service.administrator, "/sign-in?next=//evil.example/x");
    assert.equal(new URL(page.url()).origin, service.url);
  }));

test("who may not see the log is told what is missing", async () => {
  const developer = await service.person("dev", ["developer"]);
  await withPage(browser, service, "not permitted", async (page) => {
    await signIn(page, developer, "/orgs/demo/audit-logs");
    await page.getByRole("heading", { name: "You do not have access to Audit logs" }).waitFor();
    await page.getByText("audit_logs_view").waitFor();
    assert.equal(await page.getByRole("link", { name: "Audit logs" }).count(), 0);
    await page.goto("/orgs/nothing/audit-logs");
    await page.getByRole("heading", { name: "No such organization" }).waitFor();
    await page.goto("/orgs/demo/nothing");
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  });
});

test("a second factor is asked for when there is one", async () => {
  const person = await service.person("careful", ["auditor"]);
  await withPage(browser, service, "second factor", async (page) => {
    await signIn(page, person);
    // Set up through the API, as the person's page of their own account does.
    const secret = await page.evaluate(async (password) => {
      const { csrf_token } = await (await fetch("/v1/session")).json();
      const ask = async (path, body) =>
        (await fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", "x-csrf-token": csrf_token } })).json();
      const { secret, enrolment } = await ask("/v1/second-factor", { password });
      return { secret, enrolment, csrf_token };
    }, PASSWORD);
    const code = await totp(secret.secret);
    await page.evaluate(async ({ enrolment, csrf_token, code }) => {
      const headers = { "content-type": "application/json", "x-csrf-token": csrf_token };
      const answer = await fetch("/v1/second-factor/confirm", { method: "POST", headers, body: JSON.stringify({ enrolment, code }) });
      const { recovery_codes } = await answer.json();
      window.name = recovery_codes[0];
    }, { ...secret, code });
    const recovery = await page.evaluate(() => window.name);
    await page.getByRole("button", { name: /your account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByLabel("E-mail address").fill(person.email);
    await page.getByLabel("Password").fill(person.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "One more step" }).waitFor();
    await page.getByLabel("Code").fill("000000x");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "is wrong" }).waitFor();
    await page.getByLabel("Code").fill(recovery);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /your account/ }).waitFor();
  });
});

/** The code of an authenticator now (RFC 6238). */
async function totp(secret) {
  const { createHmac } = await import("node:crypto");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const character of secret.replace(/=+$/, "")) bits += alphabet.indexOf(character).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
