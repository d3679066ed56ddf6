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
    await check(page, "create key");
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
