// Signing in through a real OpenID Connect provider (tests/oidc), from the organization's link to the log and back again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

const SECRET = "of-the-browser-test";
serviceAndBrowser({ arguments: ["--loopback-identity-providers"] });
let provider;
let issuer;
before(async () => {
  const folder = new URL("../../tests/oidc/", import.meta.url).pathname;
  provider = spawn("node", ["provider.mjs"], { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
  for await (const line of createInterface({ input: provider.stdout })) {
    issuer = line.trim();
    break;
  }
});
after(async () => {
  provider?.kill();
});

test("somebody of the organization's provider is signed in, taken in, and sees what their group sees", async () => {
  await withPage(browser, service, "oidc set up", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/sign-in");
    await page.getByLabel("Domains, one to a line").fill("northwind.example");
    await page.getByRole("button", { name: "Save domains" }).click();
    await page.getByRole("button", { name: "Add identity provider" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Northwind");
    await dialog.getByLabel("Issuer").fill(issuer);
    await dialog.getByLabel("Client id").fill("actarium");
    await dialog.getByLabel("Client secret").fill(SECRET);
    await dialog.getByLabel("Domains that it speaks for").fill("northwind.example");
    await dialog.getByLabel("Scopes").fill("email profile groups");
    await dialog.getByRole("button", { name: "Add a value" }).click();
    await dialog.getByLabel("Value of the claim").fill("reviewers");
    await dialog.getByRole("button", { name: /^Groups of reviewers/ }).click();
    await page.getByRole("checkbox", { name: /^Auditor/ }).check();
    await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  });
  const [made] = (await service.api("GET", "/v1/orgs/demo/identity-providers")).identity_providers;
  const redirect = `${service.url}/v1/session/oidc/callback/${made.id}`;
  const answer = await fetch(`${issuer}/control`, {
    method: "POST",
    body: JSON.stringify({
      clients: [{ client_id: "actarium", client_secret: SECRET, redirect_uris: [redirect] }],
      accounts: { grace: { email: "grace@northwind.example", email_verified: true, name: "Grace Okoro", groups: ["reviewers"] } },
    }),
  });
  assert.equal(answer.status, 204);
  await withPage(browser, service, "oidc", async (page) => {
    const next = encodeURIComponent("/orgs/demo/audit-logs?from=-7d&tz=utc");
    await page.goto(`/sign-in?org=demo&provider=${made.id}&next=${next}`);
    await page.getByRole("button", { name: "Sign in through demo’s identity provider" }).click();
    await page.locator("input[name=login]").fill("grace");
    await page.locator("input[name=password]").fill("anything");
    await page.locator("button[type=submit]").click();
    await page.locator("button[type=submit]").click();
    await page.waitForURL(/\/orgs\/demo\/audit-logs\?from=-7d/);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: /^Grace Okoro.*your account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    // The browser offers the way that was gone before.
    await page.getByRole("button", { name: "Sign in through demo’s identity provider" }).waitFor();
  }, { // The provider's own page asks for a font from elsewhere.
    allowed: [/favicon/, /ERR_NAME_NOT_RESOLVED/] });
});
