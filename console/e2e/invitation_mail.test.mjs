// Invitations that come by mail: nobody but their receiver sees the link, so it may tell whether there is an account. What another
// organization made with the address stands in nobody's way.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { freePort, MailServer } from "./mail.mjs";
import { launch, PASSWORD, Service, signIn, withPage } from "./service.mjs";
import { setUpSecondFactor } from "./totp.mjs";

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

test("an account that another organization made stands in nobody's way", async () => {
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
  await withPage(browser, service, "an account of one's own", async (page) => {
    await page.goto(link.pathname + link.hash);
    await page.getByLabel("Your name").fill("Kim");
    await page.getByLabel("Choose a password").fill(NEW_PASSWORD);
    await page.getByRole("button", { name: "Make the account and join" }).click();
    await page.waitForURL(/\/orgs\/demo\/audit-logs/);
    await page.locator(".row").first().waitFor();
  });
  await withPage(browser, service, "their own password", async (page) => {
    await signIn(page, { email, password: NEW_PASSWORD });
    await page.goto("/orgs/demo/audit-logs");
    await page.locator(".row").first().waitFor();
  });
});

test("who has an account joins with its password and second factor", async () => {
  await service.api("POST", "/v1/orgs", { slug: "careful", name: "Careful" });
  const person = await service.person("Hana", [], "careful");
  let codes;
  await withPage(browser, service, "enrol", async (page) => {
    await signIn(page, person);
    codes = (await setUpSecondFactor(page, PASSWORD)).recovery_codes;
  });
  let link;
  await withPage(browser, service, "invite careful", async (page) => {
    await signIn(page, service.administrator);
    link = await invited(page, person.email);
  });
  await withPage(browser, service, "join with a code", async (page) => {
    await page.goto(link.pathname + link.hash);
    await page.getByText("Its password says that it is yours.").waitFor();
    await page.getByLabel("Password").fill("not this one at all");
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "is wrong" }).waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    assert.equal(await page.getByLabel("Code").count(), 0);
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.getByLabel("Code").waitFor();
    assert.ok(await page.getByLabel("Code").evaluate((field) => field === document.activeElement));
    await page.keyboard.type("000000");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "The password or the code is wrong." }).waitFor();
    await page.getByLabel("Code").fill(codes[0]);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/orgs\/demo\//);
  });
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
