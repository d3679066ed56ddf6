// Giving somebody access to the audit log, as an administrator does it: a role, a group, the role to the group, the user to the
// group; and taking it away again. Beside it what else the pages of people, keys and the own account are for.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

serviceAndBrowser();

const denied = (page) => page.getByRole("heading", { name: "You do not have access to Audit logs" });

test("from no access to seeing the log, and back", async () => {
  const newcomer = await service.person("Newcomer", []);
  await withPage(browser, service, "walk newcomer", async (theirs) => {
    await signIn(theirs, newcomer, "/orgs/demo/audit-logs");
    await denied(theirs).waitFor();
    await withPage(browser, service, "walk administrator", async (page) => {
      await signIn(page, service.administrator, "/orgs/demo/roles");

      await page.getByRole("button", { name: "Create role" }).click();
      await page.getByLabel("Name").fill("Log readers");
      await page.getByLabel("Description").fill("See the audit log");
      await page.getByLabel("LOG-MANAGEMENT: all of it").check();
      await page.getByRole("button", { name: "Create", exact: true }).click();
      await page.getByRole("heading", { name: "Log readers" }).waitFor();

      await page.getByRole("link", { name: "Groups", exact: true }).click();
      await page.getByRole("button", { name: "Create group" }).click();
      await page.getByLabel("Name").fill("Reviewers");
      await page.getByLabel("Description").fill("Look at what was done");
      await page.getByRole("button", { name: "Create", exact: true }).click();
      await page.getByRole("heading", { name: "Reviewers" }).waitFor();

      await page.getByRole("button", { name: "Add role" }).click();
      await page.getByLabel("Role", { exact: true }).selectOption({ label: "Log readers" });
      await page.getByRole("dialog").getByRole("button", { name: "Add role" }).click();
      await page.getByRole("tab", { name: "Roles (1)" }).waitFor();

      await page.getByRole("tab", { name: /Users/ }).click();
      await page.getByRole("button", { name: "Add user" }).click();
      await page.getByLabel("Newcomer").check();
      await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
      await page.getByRole("tab", { name: "Users (1)" }).waitFor();

      await theirs.reload();
      await (await rows(theirs)).first().waitFor();

      await page.getByRole("button", { name: "Remove Newcomer from the group" }).click();
      await page.getByRole("tab", { name: "Users (0)" }).waitFor();
      await theirs.reload();
      await denied(theirs).waitFor();

      // Each of these acts is in the log.
      for (const action of ["role.create", "group.create", "group.role.assign", "group.member.add", "group.member.remove"]) {
        assert.ok((await service.count("demo", { action, actor: service.administrator.email, from: "-1h" })) > 0, action);
      }
    });
  });
});

test("why somebody may do something is said on their page", async () => {
  const auditor = await service.person("Explained", ["auditor"]);
  await withPage(browser, service, "explained", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/users");
    await page.getByLabel("Search users").fill("explained");
    await page.getByRole("link", { name: "Explained" }).click();
    const why = page.getByRole("table").first().getByRole("row").nth(1);
    await why.getByRole("link", { name: "Auditor" }).first().waitFor();
    await why.locator("summary").click();
    await page.getByText("audit_logs_view").waitFor();
    await page.getByRole("link", { name: "What was done to them" }).click();
    await page.waitForURL((url) => url.searchParams.get("q") === `target:user:${auditor.id}`);
    await (await rows(page)).first().waitFor();
  });
});

test("a role cannot be deleted without being told who loses it, and a default one not at all", async () => {
  const role = await service.api("POST", "/v1/orgs/demo/roles", { name: "Short-lived", permissions: ["users_view"] });
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: "Watchers" });
  await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role: role.id, level: "organization" });
  await withPage(browser, service, "delete role", async (page) => {
    await signIn(page, service.administrator, `/orgs/demo/roles/${role.id}`);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText("Watchers").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete role" }).click();
    await page.waitForURL(/\/roles$/);
    await page.goto("/orgs/demo/roles/admin");
    await page.getByRole("heading", { name: "Admin" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Delete" }).count(), 0);
  });
});

test("a key is shown once, records events, and is refused once revoked", () =>
  withPage(browser, service, "keys", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/on-prem-keys");
    await page.getByRole("button", { name: "Create key" }).click();
    await page.getByLabel("Name").fill("From the console");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const secret = await page.getByRole("textbox", { name: "Key" }).inputValue();
    await page.getByRole("button", { name: "I have kept it" }).click();
    const event = { action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }] };
    const send = () =>
      fetch(`${service.url}/v1/orgs/demo/events`, { method: "POST", body: JSON.stringify(event), headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" } });
    assert.equal((await send()).status, 201);
    await page.getByRole("button", { name: "Revoke key From the console" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke key" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await send()).status, 401);
    assert.equal(await page.getByText(secret).count(), 0);
  }));

test("the own account: a token, the sessions, and a new password", async () => {
  const person = await service.person("Owner", ["auditor"]);
  await withPage(browser, service, "account", async (page) => {
    await signIn(page, person, "/account");
    await page.getByText("This one").waitFor();
    await page.getByRole("button", { name: "Create token" }).click();
    await page.getByLabel("Name").fill("script");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const token = await page.getByRole("textbox", { name: "Token" }).inputValue();
    await page.getByRole("button", { name: "I have kept it" }).click();
    const ask = () => fetch(`${service.url}/v1/orgs/demo/events?limit=1`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await ask()).status, 200);
    await page.getByRole("button", { name: "Revoke token script" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal((await ask()).status, 401);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByLabel("Present password").fill("wrong wrong wrong");
    await page.getByLabel("New password").fill("harbour-lantern-48-moss");
    await page.getByRole("dialog").getByRole("button", { name: "Change password" }).click();
    await page.getByRole("dialog").getByRole("alert").first().waitFor();
    await page.getByLabel("Present password").fill(person.password);
    await page.getByRole("dialog").getByRole("button", { name: "Change password" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});
