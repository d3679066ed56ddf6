// Giving somebody access to the audit log, as an administrator does it: a role, a group, the role to the group, the user to the
// group; and taking it away again. Beside it what else the pages of people, keys and the own account are for.
import assert from "node:assert/strict";
import { test } from "node:test";

import { browser, focused, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

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
      await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
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

/** A group with a role that reads the log, and somebody in it, made by the operator. */
async function reader(name) {
  const role = await service.api("POST", "/v1/orgs/demo/roles", { name: `${name}: reading`, permissions: ["LOG-MANAGEMENT"] });
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: `${name}: readers` });
  await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role: role.id, level: "organization" });
  return { role, group, person: await service.person(name, [group.id]) };
}

const LOSSES = {
  "the role is taken from the group": async (page, { role, group }) => {
    await page.goto(`/orgs/demo/groups/${group.id}/roles`);
    await page.getByRole("button", { name: `Remove role ${role.name}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it away" }).click();
    await page.getByRole("tab", { name: "Roles (0)" }).waitFor();
  },
  "the group is deleted": async (page, { group }) => {
    await page.goto(`/orgs/demo/groups/${group.id}`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete group" }).click();
    await page.waitForURL(/\/groups$/);
  },
  "the role is deleted": async (page, { role }) => {
    await page.goto(`/orgs/demo/roles/${role.id}`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete role" }).click();
    await page.waitForURL(/\/roles$/);
  },
};

for (const [loss, lose] of Object.entries(LOSSES)) {
  test(`who reads the log is told with the next request that ${loss}`, async () => {
    const made = await reader(loss.replaceAll(" ", "-"));
    await withPage(browser, service, `lost ${loss} reader`, async (theirs) => {
      await signIn(theirs, made.person, "/orgs/demo/audit-logs?tz=utc&from=-30d");
      await (await rows(theirs)).first().waitFor();
      await withPage(browser, service, `lost ${loss}`, async (page) => {
        await signIn(page, service.administrator);
        await lose(page, made);
      });
      // The page that is open asks once more, and is not loaded anew.
      await theirs.getByRole("combobox", { name: "Search phrase" }).fill("outcome:denied");
      await theirs.keyboard.press("Enter");
      await denied(theirs).waitFor();
      assert.equal(await theirs.locator(".row").count(), 0);
      assert.equal(await theirs.getByRole("navigation", { name: "Pages" }).getByRole("link").count(), 0);
    });
  });
}

test("the demo's people are the same in the directory and in the year's events", () =>
  withPage(browser, service, "one person", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/users");
    await page.getByRole("link", { name: "Ana Sousa" }).click();
    await page.getByRole("link", { name: "What they did" }).click();
    await (await rows(page)).first().waitFor();
    // The number comes a moment after the first rows.
    const count = page.locator(".audit-count", { hasText: /\d event/ });
    await count.waitFor();
    const told = await count.textContent();
    assert.ok(Number(told.replace(/\D/g, "")) > 100, told);
  }));

test("the list of roles names the groups that hold them", () =>
  withPage(browser, service, "roles with groups", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/roles");
    await page.getByRole("row").filter({ has: page.getByRole("link", { name: "Auditor" }) }).locator("a.badge", { hasText: "Auditor" }).waitFor();
  }));

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
    await page.getByRole("button", { name: "Delete", exact: true }).click();
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

test("a key has an end and networks it may be used from", () =>
  withPage(browser, service, "key limits", async (page) => {
    await signIn(page, service.administrator, "/orgs/demo/on-prem-keys");
    await page.getByRole("button", { name: "Create key" }).click();
    await page.getByLabel("Name").fill("Limited");
    await page.getByLabel("Expires").selectOption({ label: "In 90 days" });
    await page.getByLabel("Allowed networks").fill("203.0.113.0/24\nnowhere");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText(/^Line 2: /).waitFor();
    await page.getByLabel("Allowed networks").fill("203.0.113.0/24\n2001:db8::/32");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    const secret = await page.getByRole("textbox", { name: "Key" }).inputValue();
    await page.getByRole("button", { name: "I have kept it" }).click();
    const row = page.getByRole("row").filter({ hasText: "Limited" });
    await row.getByText("203.0.113.0/24, 2001:db8::/32").waitFor();
    const kept = async () => (await service.api("GET", "/v1/orgs/demo/on-prem-keys")).keys.find((key) => key.name.startsWith("Limited"));
    const days = (Date.parse((await kept()).expires_at) - Date.now()) / 86_400_000;
    assert.ok(Math.abs(days - 90) < 0.1, `${days} days`);
    const send = () => fetch(`${service.url}/v1/orgs/demo/events`, {
      method: "POST", body: JSON.stringify({ action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }] }),
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    });
    assert.notEqual((await send()).status, 201);
    // A day, typed or from the calendar, ends with its last second.
    await row.getByRole("button", { name: "Change key Limited" }).click();
    const day = page.getByLabel("Last day (UTC)");
    await day.fill("2027-02-30");
    await page.keyboard.press("Tab");
    await page.getByText("Give a day such as").waitFor();
    await page.getByRole("button", { name: "Choose the last day" }).click();
    // Keys lead to no day that is over.
    const today = page.locator("[role=grid] [aria-current=date]");
    await today.press("ArrowUp");
    await today.press("PageUp");
    assert.ok(await today.evaluate((button) => button === document.activeElement && button.tabIndex === 0));
    assert.equal(await page.getByRole("button", { name: "Month before" }).getAttribute("aria-disabled"), "true");
    await page.getByRole("button", { name: "Month after" }).click();
    await page.locator("[role=grid] .day:not(.day-beside) button").first().click();
    await focused(page, "button", "Choose the last day");
    const chosen = await day.inputValue();
    assert.match(chosen, /^\d{4}-\d\d-01$/);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.match((await kept()).expires_at, new RegExp(`^${chosen}T23:59:59`));
    await row.getByRole("button", { name: "Change key Limited" }).click();
    await page.getByLabel("Name").fill("Limited no more");
    await page.getByLabel("Allowed networks").fill("");
    await page.getByLabel("Expires").selectOption({ label: "Never" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const { expires_at, networks } = await kept();
    assert.deepEqual([expires_at, networks], [null, null]);
    assert.equal((await send()).status, 201);
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

test("an administrator sees what tokens a user has here, and revokes one", async () => {
  const person = await service.person("Scripter", ["auditor"]);
  const { user } = await tokenOf(person, "nightly");
  await withPage(browser, service, "tokens of a user", async (page) => {
    await signIn(page, service.administrator, `/orgs/demo/users/${user.id}`);
    await page.getByRole("button", { name: "Revoke token nightly" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke token" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByText("They have none.").waitFor();
  });
  const { tokens } = await service.api("GET", `/v1/orgs/demo/users/${user.id}/tokens`);
  assert.deepEqual(tokens, []);
});

/** Makes a token in a session of its person's, as a page would. */
async function tokenOf({ email, password }, name) {
  const send = (path, body, headers = {}) =>
    fetch(service.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const session = await send("/v1/session", { email, password });
  const cookie = session.headers.get("set-cookie").split(";")[0];
  const { csrf_token, user } = await session.json();
  const expires_at = new Date(Date.now() + 86_400_000).toISOString();
  const made = await send("/v1/tokens", { name, expires_at }, { cookie, "x-csrf-token": csrf_token });
  assert.equal(made.status, 201);
  return { user };
}
