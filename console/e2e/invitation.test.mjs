// Inviting somebody, and what becomes of the link: accepted by a newcomer, sent again, taken back, accepted by who is signed in.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, PASSWORD, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const asAdministrator = (name, run) => withPage(browser, service, name, run, { storageState: state });
const asNobody = (name, run) => withPage(browser, service, name, run);

async function invite(page, email, group) {
  await page.goto("/orgs/demo/users");
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  await page.getByRole("dialog").getByLabel("E-mail address").fill(email);
  await page.getByRole("dialog").getByLabel(group).check();
  await page.getByRole("dialog").getByRole("button", { name: "Invite", exact: true }).click();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  await page.getByRole("button", { name: "I have kept it" }).click();
  return new URL(link);
}

test("somebody is invited, makes an account, and sees what their group sees", async () => {
  let link;
  await asAdministrator("invite", async (page) => {
    link = await invite(page, "eve@people.example", "Auditor");
    await page.getByRole("region", { name: "Invitations" }).getByText("eve@people.example").waitFor();
    assert.equal(await page.getByText(link.hash.slice(1)).count(), 0);
  });
  await asNobody("accept", async (page) => {
    await page.goto(`/invitation${link.hash}`);
    await page.getByRole("heading", { name: "Join Northwind Platform" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
    await page.getByLabel("Your name").fill("Eve");
    await page.getByLabel("Choose a password").fill("password1234");
    await page.getByRole("button", { name: "Make the account and join" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("Choose a password").fill(PASSWORD);
    await page.getByRole("button", { name: "Make the account and join" }).click();
    await page.waitForURL(/\/orgs\/demo\/audit-logs/);
    await page.getByRole("button", { name: /Eve.*your account/ }).waitFor();
  });
  await asNobody("used", async (page) => {
    await page.goto(`/invitation${link.hash}`);
    await page.getByRole("heading", { name: "This invitation opens nothing" }).waitFor();
    await page.goto("/invitation");
    await page.getByRole("heading", { name: "This invitation opens nothing" }).waitFor();
  });
});

test("an invitation is sent again and taken back", () =>
  asAdministrator("resend", async (page) => {
    const first = await invite(page, "fay@people.example", "Developer");
    await page.getByRole("button", { name: "Send again: the invitation of fay@people.example" }).click();
    const second = new URL(await page.getByRole("textbox", { name: "Link" }).inputValue());
    await page.getByRole("button", { name: "I have kept it" }).click();
    const status = async ({ hash }) => (await fetch(`${service.url}/v1/invitation`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ secret: hash.slice(1) }) })).status;
    assert.deepEqual([await status(first), await status(second)], [404, 200]);
    await page.getByRole("button", { name: "Revoke the invitation of fay@people.example" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke invitation" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await status(second), 404);
    await page.getByText("fay@people.example").waitFor({ state: "detached" });
  }));

test("who is signed in joins by one click, and nobody else does with their session", async () => {
  await service.api("POST", "/v1/orgs", { slug: "here", name: "Here" });
  const [person, other] = [await service.person("Ivo", ["auditor"], "here"), await service.person("Jo", ["auditor"], "here")];
  let link;
  await asAdministrator("invite signed in", async (page) => {
    link = await invite(page, person.email, "Auditor");
  });
  await asNobody("somebody else's session", async (page) => {
    await signIn(page, other);
    await page.goto(`/invitation${link.hash}`);
    // The inviter saw the link, so it does not tell whether there is an account.
    await page.getByText("If you have an account with this address already, sign in first").waitFor();
    await page.getByLabel("Choose a password").waitFor();
    assert.equal(await page.getByText("You are signed in with this address.").count(), 0);
  });
  await asNobody("own session", async (page) => {
    await signIn(page, person);
    await page.goto(`/invitation${link.hash}`);
    await page.getByText("You are signed in with this address.").waitFor();
    assert.equal(await page.getByLabel("Password").count(), 0);
    await page.getByRole("button", { name: "Join", exact: true }).click();
    await page.waitForURL(/\/orgs\/demo\/audit-logs/);
    await page.locator(".row").first().waitFor();
    await page.getByRole("button", { name: /^Organization: / }).click();
    await page.getByText("Here", { exact: true }).waitFor();
  });
});
