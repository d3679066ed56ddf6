// What axe finds on each page, in light and dark; and what the keyboard reaches.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, withPage } from "./service.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let state;
let invitation;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

/** Fails on what is serious or critical. */
async function check(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  const told = grave.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary}`).slice(0, 4).join("; ")}`);
  assert.deepEqual(told, [], name);
}

const LOG = "/orgs/demo/audit-logs?tz=utc&from=-30d";
const VIEWS = {
  list: async (page) => {
    await page.goto(`${LOG}&q=-outcome:success&f=project:payments&f=-actor:ci-runner&counts=1`);
    await (await rows(page)).first().waitFor();
    await page.getByRole("region", { name: "Counts" }).getByRole("group", { name: "Outcome" }).waitFor();
  },
  event: async (page) => {
    await page.goto(`${LOG}&q=action:component.update`);
    await (await rows(page)).first().click();
    await page.locator(".event-facts").waitFor();
  },
  proof: async (page) => {
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByRole("button", { name: "Show steps" }).click();
  },
  "around it": async (page) => {
    await page.getByRole("tab", { name: "Around it" }).click();
    await page.locator(".around-row").first().waitFor();
  },
  json: async (page) => {
    await page.getByRole("tab", { name: "JSON" }).click();
    await page.locator(".event-json").waitFor();
  },
  integrity: async (page) => {
    await page.goto("/orgs/demo/integrity");
    await page.locator(".checks-lines").waitFor();
  },
  retention: async (page) => {
    await page.goto("/orgs/demo/retention");
    await page.getByText("No record is held.").or(page.getByRole("region", { name: "Legal holds" })).first().waitFor();
    await page.locator(".stage-days").first().waitFor();
  },
  "retention change": async (page) => {
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await page.getByLabel("Days at hand").fill("400");
    await page.getByLabel("Days in the archive, after that").fill("365");
    await check(page, "retention lengthened");
    await page.getByLabel("Days at hand").fill("4");
  },
  "retention lock": async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Lock", exact: true }).click();
    await page.getByRole("dialog").waitFor();
  },
  "legal hold": async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Place a hold" }).click();
    await page.getByLabel("Search phrase").waitFor();
    await check(page, "place a hold");
    await page.getByLabel("Reason").fill("For the check");
    await page.getByRole("dialog").getByRole("button", { name: "Place hold" }).click();
    await page.getByRole("region", { name: "Legal holds" }).getByText("For the check").first().waitFor();
  },
  removals: async (page) => {
    // What is held cannot be erased.
    for (const { id } of (await service.api("GET", "/v1/orgs/demo/legal-holds")).legal_holds) await service.api("DELETE", `/v1/orgs/demo/legal-holds/${id}?reason=over`);
    await page.goto("/orgs/demo/erasures");
    await page.getByRole("heading", { name: "Erasures & redactions" }).waitFor();
    await page.getByRole("button", { name: "Erase a person" }).click();
    const { users } = await service.api("GET", "/v1/orgs/demo/users?search=tomas.rey");
    await page.getByRole("dialog").getByLabel("Person", { exact: true }).fill(`user:${users[0].id}`);
    await page.getByRole("dialog").getByRole("button", { name: "Count" }).click();
    await page.getByRole("dialog").getByLabel("Reason", { exact: true }).fill("For the check");
    await check(page, "ask for an erasure");
    await page.getByRole("dialog").getByRole("button", { name: "Ask for approval" }).click();
    await page.getByRole("region", { name: "Who can approve it" }).waitFor();
    await check(page, "erasure");
    await page.goto("/orgs/demo/erasures?redact=");
    await page.getByRole("dialog").getByLabel("Events").waitFor();
    await check(page, "ask for a redaction");
    await page.keyboard.press("Escape");
    await page.getByRole("region", { name: "Open", exact: true }).getByText("For the check").first().waitFor();
  },
  keys: async (page) => {
    await page.goto("/orgs/demo/on-prem-keys");
    await page.getByRole("button", { name: "Create key" }).click();
    await page.getByLabel("Expires").selectOption({ label: "At the end of a day…" });
    await page.getByRole("button", { name: "Choose the last day" }).click();
    await page.getByRole("grid").waitFor();
    await check(page, "create key");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
  },
  invitations: async (page) => {
    await page.goto("/orgs/demo/users");
    await page.getByRole("button", { name: "Invite", exact: true }).click();
    await page.getByRole("dialog").getByLabel("E-mail address").fill(`axe-${Date.now()}@people.example`);
    await check(page, "invite");
    await page.getByRole("dialog").getByRole("button", { name: "Invite", exact: true }).click();
    await page.getByRole("textbox", { name: "Link" }).waitFor();
    await check(page, "invitation link");
    invitation = new URL(await page.getByRole("textbox", { name: "Link" }).inputValue());
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("region", { name: "Invitations" }).waitFor();
  },
  "invitation opened": async (page) => {
    await page.goto(`/invitation${invitation.hash}`);
    await page.getByRole("heading", { name: /^Join/ }).waitFor();
  },
  "invitation of nothing": async (page) => {
    await page.goto("/invitation");
    await page.getByRole("heading", { name: "This invitation opens nothing" }).waitFor();
  },
  "time panel": async (page) => {
    await page.goto(LOG);
    await page.getByRole("button", { name: /^Time: / }).click();
    await page.getByLabel("From", { exact: true }).waitFor();
  },
  "filter menu": async (page) => {
    await page.goto(LOG);
    await page.getByRole("button", { name: "Action", exact: true }).click();
    await page.getByRole("checkbox").first().waitFor();
  },
  export: async (page) => {
    await page.goto(LOG);
    await page.getByRole("button", { name: "Export" }).click();
    const go = page.getByRole("button", { name: /^Export [\d,]+ events?$/ });
    await go.waitFor();
    await page.getByRole("radio", { name: /With proof/ }).check();
    await check(page, "export, chosen");
    await page.getByRole("radio", { name: /CSV/ }).check();
    await go.click();
    await page.getByRole("dialog").getByText(/is ready/).waitFor();
  },
  exports: async (page) => {
    await page.goto("/orgs/demo/exports");
    await page.getByRole("link", { name: /^Download/ }).first().waitFor();
    await page.getByRole("button", { name: /^Delete/ }).first().click();
    await page.getByRole("dialog").waitFor();
    await check(page, "delete export");
    await page.keyboard.press("Escape");
  },
  "saved searches": async (page) => {
    await page.goto(`${LOG}&f=outcome:denied`);
    await (await rows(page)).first().waitFor();
    await page.keyboard.press("s");
    await page.getByRole("button", { name: "Save this search…" }).click();
    await page.getByLabel("Name").fill(`Denied ${await page.evaluate(() => window.matchMedia("(prefers-color-scheme: dark)").matches)}`);
    await check(page, "save search");
    await page.getByRole("dialog").getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("s");
    await page.getByRole("group", { name: "Yours" }).waitFor();
  },
  "columns menu": async (page) => {
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByRole("button", { name: "Reset columns" }).waitFor();
  },
  "row menu": async (page) => {
    await page.keyboard.press("Escape");
    await page.locator(".row").nth(2).hover();
    await check(page, "row under the pointer");
    await page.keyboard.press("j");
    await page.locator(".row-marked").waitFor();
    await page.keyboard.press("f");
    await page.getByRole("menu").waitFor();
  },
  "chip menus": async (page) => {
    await page.keyboard.press("Escape");
    await page.goto(`${LOG}&f=-outcome:denied&f=source:api`);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: /^Outcome not/ }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Only these" }).waitFor();
    await check(page, "what can be done with a chip");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Outcome not/ }).click();
    await page.getByRole("checkbox").first().waitFor();
  },
  "unread time": async (page) => {
    await page.goto("/orgs/demo/audit-logs?tz=utc&from=lately");
    await page.getByText(/^The time of this link could not be read/).waitFor();
  },
  "no such event": async (page) => {
    await page.goto(`${LOG}&event=00000000-0000-7000-8000-000000000000`);
    await page.getByText("There is no such event").waitFor();
  },
  "keys of the page": async (page) => {
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  },
  organizations: async (page) => {
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Organization: / }).click();
    await page.getByRole("listbox", { name: "Organizations" }).waitFor();
    await check(page, "organizations");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /your account/ }).click();
    await page.getByRole("menu").waitFor();
  },
  users: async (page) => {
    await page.goto("/orgs/demo/users");
    await page.getByRole("region", { name: "Users" }).getByRole("link").first().waitFor();
    await check(page, "users");
    await page.getByRole("button", { name: "Add user" }).click();
    await page.getByRole("dialog").getByLabel("First password").waitFor();
  },
  user: async (page) => {
    const { users } = await service.api("GET", "/v1/orgs/demo/users?search=tomas.rey");
    await page.goto(`/orgs/demo/users/${users[0].id}`);
    await page.locator("summary").first().click();
    await page.getByRole("heading", { name: "Tokens that work in this organization" }).waitFor();
    await check(page, "user");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByRole("dialog").waitFor();
  },
  groups: async (page) => {
    await page.goto("/orgs/demo/groups");
    await page.getByRole("region", { name: "Groups" }).getByRole("link").first().waitFor();
    await check(page, "groups");
    await page.getByRole("button", { name: "Create group" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill(`Checked ${Date.now()}`);
    await check(page, "create group");
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await page.getByRole("tab", { name: /^Roles/, selected: true }).waitFor();
    await check(page, "roles of a new group");
    await page.getByRole("button", { name: "Add role" }).click();
    await page.getByRole("dialog").getByLabel("Role", { exact: true }).selectOption({ label: "Auditor" });
    await page.getByRole("radio", { name: /^Some projects/ }).check();
    await page.getByRole("dialog").getByRole("button", { name: "payments" }).click();
    await check(page, "add role");
    await page.getByRole("dialog").getByRole("button", { name: "Add role" }).click();
    await page.getByRole("button", { name: "Remove role Auditor" }).waitFor();
    await check(page, "roles of a group");
    await page.getByRole("tab", { name: /^Users/ }).click();
    await page.getByRole("button", { name: "Add user" }).click();
    await page.getByRole("dialog").getByRole("checkbox").first().check();
    await check(page, "add users");
    await page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("tab", { name: "Users (1)" }).waitFor();
    await check(page, "users of a group");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").waitFor();
  },
  roles: async (page) => {
    await page.goto("/orgs/demo/roles");
    await page.getByRole("region", { name: "Roles" }).getByRole("link").first().waitFor();
    await check(page, "roles");
    await page.getByRole("button", { name: "Create role" }).click();
    await page.getByLabel("LOG-MANAGEMENT: all of it").check();
    await check(page, "create role");
    await page.goto("/orgs/demo/roles/auditor");
    await page.getByRole("heading", { name: "What it permits" }).waitFor();
  },
  catalog: async (page) => {
    await page.goto("/orgs/demo/catalog");
    await page.getByRole("link", { name: "In the log" }).first().waitFor();
  },
  "sign-in settings": async (page) => {
    await page.goto("/orgs/demo/sign-in");
    await page.getByRole("heading", { level: 2 }).nth(2).waitFor();
    await check(page, "sign-in settings");
    await page.getByRole("button", { name: "Add identity provider" }).click();
    const dialog = page.getByRole("dialog", { name: "Add identity provider" });
    await dialog.getByLabel("Name", { exact: true }).fill("Northwind");
    await dialog.getByLabel("Issuer", { exact: true }).fill("https://login.example.com");
    await dialog.getByLabel("Client id", { exact: true }).fill("actarium");
    await dialog.getByLabel("Domains that it speaks for").fill("no domain");
    await dialog.getByRole("button", { name: "Add a value" }).click();
    await dialog.getByLabel("Value of the claim").fill("team/reviewers");
    await dialog.getByRole("button", { name: /^Groups of team\/reviewers/ }).click();
    await page.getByRole("checkbox", { name: /^Auditor/ }).check();
    await check(page, "groups of a value of the claim");
    await page.keyboard.press("Escape");
    await check(page, "add identity provider");
    // With what is wrong at its field.
    await dialog.getByRole("button", { name: "Add", exact: true }).click();
    await dialog.locator("[aria-invalid=true]").first().waitFor();
  },
  account: async (page) => {
    await page.goto("/account");
    await page.getByText("This one").waitFor();
    await check(page, "account");
    await page.getByRole("button", { name: "Create token" }).click();
    await check(page, "create token");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByLabel("Present password").waitFor();
    await check(page, "change password");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Set up", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Password").waitFor();
  },
  "no such page": async (page) => {
    await page.goto("/orgs/demo/nowhere");
    await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  },
  "wrong phrase": async (page) => {
    await page.goto(`${LOG}&q=actr:x`);
    await page.getByRole("heading", { name: "The search phrase cannot be read" }).waitFor();
  },
  // A word would find the record of the search for it.
  nothing: async (page) => {
    await page.goto(`${LOG}&q=project:none`);
    await page.getByRole("heading", { name: "No event fits all of this" }).waitFor();
  },
};

for (const colorScheme of ["light", "dark"]) {
  test(`nothing serious in ${colorScheme}`, async () => {
    await withPage(browser, service, `axe sign in ${colorScheme}`, async (page) => {
      await page.goto("/sign-in");
      await page.getByLabel("Password").waitFor();
      await check(page, "sign in");
      await page.goto("/setup");
      await page.getByLabel("Operator’s token").waitFor();
      await check(page, "set up");
    }, { colorScheme, bypassCSP: true });
    await withPage(browser, service, `axe ${colorScheme}`, async (page) => {
      for (const [name, open] of Object.entries(VIEWS)) {
        await open(page);
        await check(page, name);
      }
    }, { colorScheme, storageState: state, bypassCSP: true });
    await withPage(browser, service, `axe narrow ${colorScheme}`, async (page) => {
      await page.goto(LOG);
      await (await rows(page)).first().waitFor();
      await check(page, "narrow");
      await page.goto("/orgs/demo/retention");
      await page.locator(".stage-days").first().waitFor();
      await check(page, "narrow retention");
      for (const path of ["users", "groups", "groups/admin", "groups/admin/roles", "roles", "roles/admin", "on-prem-keys", "erasures", "sign-in", "catalog", "integrity", "exports"]) {
        await page.goto(`/orgs/demo/${path}`);
        await page.locator("main h1").waitFor();
        await page.locator(".skeleton").first().waitFor({ state: "detached" });
        await check(page, `narrow ${path}`);
      }
      await page.getByRole("button", { name: "Pages" }).click();
      await check(page, "narrow navigation");
    }, { colorScheme, storageState: state, bypassCSP: true, viewport: { width: 360, height: 720 } });
  });
}

test("the keyboard reaches the list, opens an event and comes back", () =>
  withPage(browser, service, "keyboard", async (page) => {
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    await page.getByRole("grid", { name: "Events" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.locator('[role=grid][aria-activedescendant="event-1"]').waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".event-facts").waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".event-facts").waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "grid");
    // Menus give the focus back to where it was.
    await page.getByRole("button", { name: /^Zone: / }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitemradio").first().waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.textContent?.startsWith("Zone"));
  }, { storageState: state }));

test("nothing is wider than a narrow window", () =>
  withPage(browser, service, "narrow", async (page) => {
    for (const path of ["/sign-in", LOG, `${LOG}&counts=1`, "/orgs/demo/integrity", "/orgs/demo/retention", "/orgs/demo/erasures", "/orgs/demo/on-prem-keys", "/orgs/demo/users", "/orgs/demo/exports", "/orgs/demo/roles", "/orgs/demo/catalog", "/orgs/demo/sign-in", "/account", "/orgs/nowhere", "/setup", "/invitation"]) {
      await page.goto(path);
      await page.waitForTimeout(500);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, path);
    }
    await page.goto(LOG);
    await page.getByRole("button", { name: "Pages" }).click();
    await page.getByRole("link", { name: "Audit logs" }).waitFor();
  }, { storageState: state, viewport: { width: 360, height: 720 } }));
