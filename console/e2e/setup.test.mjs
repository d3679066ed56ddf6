// The first start: a service with nothing in it, the operator's token, and a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, PASSWORD, service, serviceAndBrowser, withPage } from "./service.mjs";

serviceAndBrowser({ demo: false });

async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole("button", { name: "Set up", exact: true }).click();
}

test("from a fresh service to its first administrator in the log", () =>
  withPage(browser, service, "setup", async (page) => {
    await page.goto("/");
    await page.getByRole("link", { name: "Set it up" }).click();
    await page.getByLabel("Operator’s token").waitFor();
    const administrator = { "Their name": "Ada Lovelace", "E-mail address": "ada@acme.example" };
    await fill(page, { "Operator’s token": "act_op_wrong", Name: "Ácme & Söhne Inc.", ...administrator, Password: "password1234" });
    await page.getByRole("alert").filter({ hasText: "It is not this service’s token" }).waitFor();
    assert.equal(await page.getByLabel("Short name").inputValue(), "acme-sohne-inc");
    // A password that is refused does not stand in the way of the next try, though the organization is there by then.
    await fill(page, { "Operator’s token": service.token, "Short name": "acme" });
    await page.getByLabel("Password").and(page.locator("[aria-invalid=true]")).waitFor();
    await fill(page, { Password: PASSWORD });
    await page.getByRole("heading", { name: /is made$|is set up$/ }).waitFor();
    assert.deepEqual(await page.evaluate(() => [Object.values(window.localStorage), Object.values(window.sessionStorage)].flat().filter((kept) => kept.includes("act_"))), []);
    await page.getByRole("link", { name: "Sign in", exact: true }).click();
    assert.equal(await page.getByLabel("E-mail address").inputValue(), "ada@acme.example");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(/\/orgs\/acme\/audit-logs/);
    await page.locator(".row").first().waitFor();
    assert.equal((await service.api("GET", "/v1/orgs/acme")).name, "Ácme & Söhne Inc.");
    for (const page_ of ["Users", "Retention & holds"]) await page.getByRole("link", { name: page_, exact: true }).waitFor();
  }));

test("it may be done again for another administrator, and says what was there", () =>
  withPage(browser, service, "setup again", async (page) => {
    await page.goto("/setup");
    await fill(page, { "Operator’s token": ` ${service.token}\n`, Name: "Acme", "Short name": "acme", "Their name": "Bo", "E-mail address": "bo@acme.example", Password: PASSWORD });
    await page.getByText("was there already, under the name that it had").waitFor();
    assert.equal((await service.api("GET", "/v1/orgs/acme")).name, "Ácme & Söhne Inc.");
    await page.goto("/setup");
    await fill(page, { "Operator’s token": service.token, Name: "Acme", "Short name": "acme", "Their name": "Bo", "E-mail address": "bo@acme.example", Password: PASSWORD });
    await page.getByRole("alert").filter({ hasText: "is a user of the organization already" }).waitFor();
  }));
