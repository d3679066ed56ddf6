// Whoever works by keyboard keeps their place: after whatever takes away what they were on, the focus is at its neighbour, at what it
// stood in or at the heading above, and never nowhere.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, focused, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, `focus ${name}`, run, { storageState: state, ...options }));
const LOG = "/orgs/demo/audit-logs?tz=utc&from=-30d";

async function press(page, role, name, key = "Enter") {
  await page.getByRole(role, { name }).first().focus();
  await page.keyboard.press(key);
}

const onList = (page) => focused(page, "grid", "Events");
const onSearch = (page) => focused(page, "combobox", "Search phrase");

async function openLog(page, search = "") {
  await page.goto(`${LOG}${search}`);
  await (await rows(page)).first().waitFor();
}

on("a chip that is kept out, or taken away, hands the focus on", async (page) => {
  await openLog(page, "&f=outcome:success&f=source:api&f=project:payments");
  await press(page, "button", /^Outcome ?success/, "n");
  await page.waitForURL((url) => url.searchParams.get("f") === "-outcome:success");
  await focused(page, "button", /^Outcome not ?success/);
  await page.keyboard.press("n");
  await focused(page, "button", /^Outcome ?success/);
  await page.keyboard.press("Delete");
  await focused(page, "button", /^Source ?api/);
  await press(page, "button", "Remove Project payments");
  await focused(page, "button", /^Source ?api/);
  await press(page, "button", "Remove Source api");
  await page.waitForURL((url) => !url.searchParams.has("f"));
  await onSearch(page);
  assert.equal(await page.getByRole("option").count(), 0, "nothing is offered over the chips");
});

on("all chips taken away leave the search field", async (page) => {
  await openLog(page, "&f=source:api&f=project:payments");
  await press(page, "button", "Clear all");
  await onSearch(page);
});

on("the menu of a chip is there for what is kept out, too", async (page) => {
  await openLog(page, "&f=-outcome:denied,failure&f=source:api");
  await press(page, "button", /^Outcome not/);
  const menu = page.getByRole("dialog", { name: "Outcome: keep out" });
  await menu.getByRole("checkbox").first().waitFor();
  assert.equal(await menu.getByRole("checkbox", { checked: true }).count(), 2);
  await menu.getByRole("checkbox", { name: /^denied/ }).focus();
  await page.keyboard.press("Space");
  await page.waitForURL((url) => url.searchParams.get("f") === "-outcome:failure");
  await menu.getByRole("checkbox", { name: /^unknown/ }).focus();
  await page.keyboard.press("Space");
  await page.waitForURL((url) => url.searchParams.get("f") === "-outcome:failure,unknown");
  await page.keyboard.press("Escape");
  await focused(page, "button", /^Outcome not/);
  // With its last value the chip is gone.
  await page.keyboard.press("Enter");
  for (const name of [/^failed/, /^unknown/]) {
    await menu.getByRole("checkbox", { name }).focus();
    await page.keyboard.press("Space");
  }
  await page.waitForURL((url) => url.searchParams.get("f") === "source:api");
  await focused(page, "button", /^Source ?api/);
});

on("what is chosen in a menu is a chip, which has the focus", async (page) => {
  await openLog(page);
  await press(page, "button", /^Outcome$/);
  await focused(page, "checkbox", /^success/);
  await page.getByRole("checkbox", { name: /^denied/ }).focus();
  await page.keyboard.press("Space");
  await page.waitForURL((url) => url.searchParams.get("f") === "outcome:denied");
  await page.keyboard.press("Escape");
  await focused(page, "button", /^Outcome ?denied/);
  await press(page, "button", /^Action$/);
  await page.getByRole("checkbox").first().waitFor();
  await page.keyboard.press("Escape");
  await focused(page, "button", /^Action$/);
});

on("the menu of a row gives back to the list, whatever is chosen in it", async (page) => {
  await openLog(page);
  await page.keyboard.press("f");
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("Escape");
  await onList(page);
  await page.keyboard.press("j");
  await page.keyboard.press("f");
  await page.getByRole("menuitem", { name: "Only this" }).first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.has("f"));
  await (await rows(page)).first().waitFor();
  await onList(page);
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await onList(page);
});

on("an event that is closed by its button gives back to the list", async (page) => {
  await openLog(page);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await press(page, "tab", "Around it");
  await page.locator(".around-row").first().waitFor();
  await page.locator(".around-row").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => !url.searchParams.has("tab"));
  await page.waitForFunction(() => document.activeElement?.closest(".drawer-event"));
  await press(page, "button", "Close (Escape)");
  await onList(page);
});

on("counts keep the focus among them", async (page) => {
  await openLog(page, "&counts=1");
  const among = () => page.waitForFunction(() => document.activeElement?.closest(".facets"));
  await press(page, "button", /^failed/);
  await page.waitForURL((url) => url.searchParams.get("f") === "outcome:failure");
  await (await rows(page)).first().waitFor();
  await page.waitForTimeout(400);
  await among();
  await press(page, "button", /^Without /);
  await page.waitForURL((url) => url.searchParams.get("f") !== "outcome:failure");
  await page.waitForTimeout(400);
  await among();
});

on("zooming out again leaves the focus at the time", async (page) => {
  await openLog(page);
  await page.locator(".bar i").first().waitFor();
  await page.locator(".histogram-bars").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await press(page, "button", "Unzoom");
  await page.waitForURL((url) => url.searchParams.get("from") === "-30d");
  await focused(page, "button", /^Time: /);
});

on("a search that finds nothing is gone on from", async (page) => {
  await page.goto(`${LOG}&q=project:none`);
  await press(page, "button", "Drop all criteria");
  await (await rows(page)).first().waitFor();
  await onList(page);
});

on("columns that are moved and chosen keep the focus", async (page) => {
  await openLog(page);
  await press(page, "button", "Columns");
  for (let times = 0; times < 7; times++) await press(page, "button", "Outcome earlier");
  await focused(page, "button", "Outcome earlier");
  await press(page, "checkbox", "Project", "Space");
  await focused(page, "checkbox", "Project");
  await page.keyboard.press("Space");
  await focused(page, "checkbox", "Project");
  await page.keyboard.press("Escape");
  await focused(page, "button", "Columns");
});

on("the keys that are told have a ring at their button alone", async (page) => {
  await openLog(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await focused(page, "button", "Close");
});

on("a page that is opened from the navigation has the focus at its heading", async (page) => {
  await openLog(page);
  const names = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents();
  assert.ok(names.length >= 10);
  for (const name of [...names.slice(1), names[0]]) {
    await press(page, "link", name);
    await page.locator("main h1").filter({ hasText: name }).waitFor();
    await page.waitForFunction(() => document.activeElement?.matches("main h1"));
  }
  await press(page, "link", "Groups");
  await press(page, "link", "Auditor");
  await focused(page, "heading", "Auditor");
  await press(page, "tab", /^Roles/);
  await focused(page, "tab", /^Roles/);
  await press(page, "link", "← Groups");
  await focused(page, "heading", "Groups");
});

on("a page that is opened from the narrow navigation has it, too", async (page) => {
  await page.goto("/orgs/demo/groups");
  await page.getByRole("heading", { name: "Groups" }).waitFor();
  await press(page, "button", "Pages");
  await press(page, "link", "Catalog");
  await focused(page, "heading", "Catalog");
}, { viewport: { width: 360, height: 720 } });

/** Presses a button of a row and says yes in the dialog. */
async function confirm(page, name, verb) {
  await press(page, "button", name);
  await press(page, "button", verb);
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

on("a key that is revoked hands the focus to its neighbour", async (page) => {
  for (const name of ["Gone one", "Gone two"]) await service.api("POST", "/v1/orgs/demo/on-prem-keys", { name });
  await page.goto("/orgs/demo/on-prem-keys");
  const buttons = page.getByRole("button", { name: /^Revoke key/ });
  await buttons.first().waitFor();
  const names = await buttons.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  const at = names.indexOf("Revoke key Gone one");
  await confirm(page, names[at], "Revoke key");
  await page.getByText("Gone one").waitFor({ state: "detached" });
  await focused(page, "button", names[at + 1] ?? names[at - 1]);
});

on("the last of a list hands it to the heading", async (page) => {
  const held = await service.api("POST", "/v1/orgs/demo/legal-holds", { reason: "Over soon", q: "action:component.deploy" });
  assert.ok(held.id);
  await page.goto("/orgs/demo/retention");
  await press(page, "button", /^Release the hold/);
  await page.getByLabel("Why it is released").fill("over");
  await page.keyboard.press("Enter");
  await page.getByText("No record is held.").waitFor();
  await focused(page, "heading", "Legal holds");
});

on("a user who is removed from a group, and a role that is taken from it", async (page) => {
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: "Shrinking" });
  for (const name of ["Shrink One", "Shrink Two"]) await service.person(name.replace(" ", "-"), [group.id]);
  for (const role of ["auditor", "admin"]) await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role, level: "organization" });
  await page.goto(`/orgs/demo/groups/${group.id}`);
  await confirm(page, "Remove Shrink-One from the group", "Remove");
  await page.getByRole("tab", { name: "Users (1)" }).waitFor();
  await focused(page, "button", "Remove Shrink-Two from the group");
  await confirm(page, "Remove Shrink-Two from the group", "Remove");
  await page.getByText("Nobody is in this group yet").waitFor();
  await focused(page, "heading", "Nobody is in this group yet");
  await press(page, "tab", /^Roles/);
  await confirm(page, "Remove role Auditor", "Take it away");
  await page.getByRole("tab", { name: "Roles (1)" }).waitFor();
  await focused(page, "button", "Remove role Admin");
  await press(page, "button", "Delete");
  await page.getByText("Nobody is in it: nobody loses what its roles give.").waitFor();
  await press(page, "button", "Delete group");
  await focused(page, "heading", "Groups");
});

on("an invitation that is revoked", async (page) => {
  for (const one of ["a", "b"]) await service.api("POST", "/v1/orgs/demo/invitations", { email: `gone-${one}@people.example`, groups: [] });
  await page.goto("/orgs/demo/users");
  const buttons = page.getByRole("button", { name: /^Revoke the invitation/ });
  await buttons.first().waitFor();
  while ((await buttons.count()) > 1) {
    const left = await buttons.count();
    await buttons.first().focus();
    await page.keyboard.press("Enter");
    await press(page, "button", "Revoke invitation");
    await page.waitForFunction((count) => document.querySelectorAll("[aria-label^='Revoke the invitation']").length === count, left - 1);
    await focused(page, "button", /^Revoke the invitation/);
  }
  await buttons.first().focus();
  await page.keyboard.press("Enter");
  await press(page, "button", "Revoke invitation");
  await buttons.waitFor({ state: "detached" });
  await focused(page, "heading", "Users");
});

on("a SCIM token that is revoked, and an erasure that is rejected", async (page) => {
  for (const name of ["Provisioning", "Provisioning, old"]) await service.api("POST", "/v1/orgs/demo/scim-tokens", { name });
  await page.goto("/orgs/demo/sign-in");
  await confirm(page, /^Revoke .*Provisioning, old/, /^Revoke/);
  await page.getByText("Provisioning, old").waitFor({ state: "detached" });
  await focused(page, "button", /^Revoke .*Provisioning/);
  const { users } = await service.api("GET", "/v1/orgs/demo/users?search=tomas.rey");
  const { id } = await service.api("POST", "/v1/orgs/demo/erasures", { subject: `user:${users[0].id}`, parts: ["personal"], reason: "For the test" });
  await page.goto(`/orgs/demo/erasures/${id}`);
  await press(page, "button", "Reject");
  await page.getByRole("dialog").getByRole("textbox").fill("Not asked for");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Reject" }).waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.matches("main *"));
});

on("an export that is deleted", async (page) => {
  for (const format of ["csv", "ndjson"]) await service.api("POST", "/v1/orgs/demo/exports", { format, from: "-1d" });
  await page.goto("/orgs/demo/exports");
  const buttons = page.getByRole("button", { name: /^Delete / });
  await page.waitForFunction(() => document.querySelectorAll("[aria-label^='Delete ']").length === 2);
  await buttons.first().focus();
  await page.keyboard.press("Enter");
  await press(page, "button", "Delete export");
  await page.waitForFunction(() => document.querySelectorAll("[aria-label^='Delete ']").length === 1);
  await focused(page, "button", /^Delete /);
  await page.keyboard.press("Enter");
  await press(page, "button", "Delete export");
  await page.getByText("No exports").waitFor();
  await focused(page, "heading", "Exports");
});

on("a saved search that is deleted", async (page) => {
  await service.api("POST", "/v1/orgs/demo/saved-searches", { name: "Passing", visibility: "organization", q: "outcome:denied", from: "-7d", to: "" });
  await openLog(page);
  await page.keyboard.press("s");
  await confirm(page, "Delete Passing", "Delete saved search");
  await focused(page, "button", "Saved searches (s)");
});

test("tokens and sessions of the own account", async () => {
  const person = await service.person("Tokens-And-Sessions", ["auditor"]);
  await withPage(browser, service, "focus other session", async (other) => {
    await signIn(other, person, "/account");
    await withPage(browser, service, "focus account", async (page) => {
      await signIn(page, person, "/account");
      for (const name of ["first", "second"]) {
        await press(page, "button", "Create token");
        await page.getByLabel("Name").fill(name);
        await page.keyboard.press("Enter");
        await press(page, "button", "I have kept it");
        await focused(page, "button", "Create token");
      }
      await confirm(page, "Revoke token first", "Revoke token");
      await page.getByRole("button", { name: "Revoke token first" }).waitFor({ state: "detached" });
      await focused(page, "button", "Revoke token second");
      const end = page.getByRole("button", { name: /^End/ }).first();
      await end.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog");
      if (await dialog.isVisible()) await press(page, "button", /^End/);
      await page.waitForTimeout(800);
      assert.notEqual(await page.evaluate(() => document.activeElement?.tagName), "BODY");
    });
  });
});

test("what an administrator ends of a user", async () => {
  const person = await service.person("Ended", ["auditor"]);
  await withPage(browser, service, "focus ended session", async (theirs) => {
    await signIn(theirs, person, "/account");
    await withPage(browser, service, "focus user", async (page) => {
      await page.goto(`/orgs/demo/users/${person.id}`);
      const end = page.getByRole("button", { name: /^(End|Revoke)/ }).first();
      await end.focus();
      await page.keyboard.press("Enter");
      if (await page.getByRole("dialog").isVisible()) await page.getByRole("dialog").getByRole("button", { name: /^(End|Revoke)/ }).press("Enter");
      await page.waitForTimeout(800);
      assert.notEqual(await page.evaluate(() => document.activeElement?.tagName), "BODY");
      await press(page, "button", "Remove");
      await press(page, "button", "Remove user");
      await focused(page, "heading", "Users");
    }, { storageState: state });
  });
});

on("news that is dismissed gives back to the page", async (page) => {
  await openLog(page);
  await press(page, "button", "Share");
  await press(page, "button", "Dismiss");
  await focused(page, "button", "Share");
});

on("who goes on at once from a menu that closed stays where they went", async (page) => {
  // A busy browser gives the focus back late: here always after whatever comes next.
  await page.addInitScript(() => {
    const later = window.setTimeout;
    window.setTimeout = (act, millis, ...more) => later(act, millis || 400, ...more);
  });
  // Timers of one length run in the order in which they were set: once this one has, what closed before it has given the focus back.
  // What that brings about in turn is over with the second.
  const givenBack = async () => {
    for (let round = 0; round < 2; round++) await page.evaluate(() => new Promise((ran) => setTimeout(ran)));
  };
  await openLog(page, "&f=outcome:denied");
  await page.getByRole("button", { name: "Project", exact: true }).click();
  await page.getByRole("checkbox").first().waitFor();
  await page.keyboard.press("Escape");
  // The next menu stays open, though the first one's button is still to be given the focus.
  await page.getByRole("button", { name: /^Outcome ?denied/ }).click();
  await page.getByRole("checkbox", { name: /^failed/ }).waitFor();
  await givenBack();
  await page.getByRole("checkbox", { name: /^failed/ }).waitFor();
  // Keys go where they were pressed: on the chip, an n would keep out what it shows.
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await givenBack();
  await onSearch(page);
  await page.keyboard.type("action:comp");
  await page.getByRole("option").first().waitFor();
  assert.equal(new URL(page.url()).searchParams.get("f"), "outcome:denied");
});
