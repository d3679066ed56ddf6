// Invitations that come by mail: nobody but their receiver sees the link; and an account whose password another organization's
// administrator has set becomes its person's own with a new one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { freePort, MailServer } from "./mail.mjs";
import { launch, PASSWORD, Service, signIn, withBundle, withPage } from "./service.mjs";

const NEW_PASSWORD = "harbour-lantern-48-moss";
let mail;
let service;
let browser;
before(async () => {
  const port = await freePort();
  mail = await MailServer.start();
  const address = `http://127.0.0.1:${port}`;
  const options = ["--listen", `127.0.0.1:${port}`, "--public-url", address, "--smtp-url", mail.url, "--mail-from", "Audit log <audit@example.com>"];
  [service, browser] = await Promise.all([Service.start({ arguments: options }), launch()]);
});
after(async () => {
  await browser?.close();
  await service?.stop();
  await mail?.stop();
});

/** Invites somebody into the demo organization; gives the link of the mail. */
async function invited(page, email) {
  await page.goto("/orgs/demo/users");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await page.getByRole("dialog").getByLabel("E-mail address").fill(email);
  await page.getByRole("dialog").getByLabel("Auditor").check();
  await page.getByRole("dialog").getByRole("button", { name: "Invite", exact: true }).click();
  await page.getByText(`The invitation was sent to ${email}`).waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Link" }).count(), 0);
  const text = await mail.next();
  assert.match(text, new RegExp(`^To: .*${email}`, "im"));
  return new URL(/http:\/\/\S+\/invitation#\S+/.exec(text)[0]);
}

test("an account that another organization made becomes its person's own with a new password", async () => {
  await service.api("POST", "/v1/orgs", { slug: "maker", name: "Maker" });
  const maker = await service.person("maker", ["admin"], "maker");
  const email = "kim@people.example";
  // Made by the other organization's administrator, who knows the password.
  await withPage(browser, service, "maker", async (page) => {
    await signIn(page, maker);
    const status = await page.evaluate(async ({ email, password }) => {
      const { csrf_token } = await (await fetch("/v1/session")).json();
      const headers = { "content-type": "application/json", "x-csrf-token": csrf_token };
      return (await fetch("/v1/orgs/maker/users", { method: "POST", headers, body: JSON.stringify({ email, name: "Kim", password }) })).status;
    }, { email, password: PASSWORD });
    assert.equal(status, 201);
  });
  let link;
  await withPage(browser, service, "invite by mail", async (page) => {
    await signIn(page, service.administrator);
    link = await invited(page, email);
  });
  await withPage(browser, service, "new password", async (page) => {
    await page.goto(link.pathname + link.hash);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Join", exact: true }).click();
    const fresh = page.getByLabel("New password");
    await fresh.waitFor();
    await fresh.fill("password1234");
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await fresh.and(page.locator("[aria-invalid=true]")).waitFor();
    await fresh.fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.waitForURL(/\/orgs\/demo\/audit-logs/);
    await page.locator(".row").first().waitFor();
  });
  // The password that was known elsewhere opens nothing any more.
  const context = await browser.newContext({ baseURL: service.url });
  await withBundle(context, service);
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "is wrong" }).waitFor();
  await page.getByLabel("Password").fill(NEW_PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /your account/ }).waitFor();
  await context.close();
});

test("a newcomer follows the link of the mail", async () => {
  let link;
  await withPage(browser, service, "invite newcomer", async (page) => {
    await signIn(page, service.administrator);
    link = await invited(page, "lou@people.example");
  });
  await withPage(browser, service, "newcomer joins", async (page) => {
    await page.goto(link.pathname + link.hash);
    await page.getByLabel("Your name").fill("Lou");
    await page.getByLabel("Choose a password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/orgs\/demo\/audit-logs/);
  });
});
