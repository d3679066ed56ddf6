// Signing in and out, and what somebody sees who may see little.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, PASSWORD, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";
import { setUpSecondFactor } from "./totp.mjs";

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
    const { recovery_codes: [recovery] } = await setUpSecondFactor(page, PASSWORD);
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
