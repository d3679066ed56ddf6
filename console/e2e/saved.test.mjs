// Saved searches: kept, picked, renamed, shared, deleted; with the keyboard alone; and who does not see them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const LOG = "/orgs/demo/audit-logs";
const panel = (page) => page.getByRole("dialog", { name: "Saved searches" });
/** Goes on with Tab until the focus is there. */
async function reach(page, button) {
  await button.waitFor();
  await page.waitForFunction(() => document.activeElement?.closest("[role=dialog]"));
  const isThere = () => button.evaluate((one) => one === document.activeElement);
  for (let steps = 0; steps < 6 && !(await isThere()); steps++) await page.keyboard.press("Tab");
  assert.ok(await isThere());
}
const saved = async () => (await service.api("GET", "/v1/orgs/demo/saved-searches")).saved_searches;

test("a search is kept for oneself, picked, shared with the organization and deleted", async () => {
  await withPage(browser, service, "saved", async (page) => {
    await page.goto(`${LOG}?tz=utc&from=-7d&q=orders&f=outcome:denied,failure&f=-project:payments`);
    await rows(page);
    await page.getByRole("button", { name: "Saved searches" }).click();
    await page.getByText("No search is saved yet.").waitFor();
    await page.getByRole("button", { name: "Save this search…" }).click();
    await page.getByLabel("Name").fill("Trouble with orders");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Trouble with orders is saved").waitFor();
    assert.deepEqual(await saved(), [], "nobody else sees it");

    // A name is there once, and it is said at its field.
    await page.getByRole("button", { name: "Saved searches" }).click();
    await page.getByRole("button", { name: "Save this search…" }).click();
    await page.getByLabel("Name").fill("trouble with orders");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "is taken" }).waitFor();
    await page.keyboard.press("Escape");

    // Somewhere else it is picked: chips, text and time are as they were.
    await page.goto(`${LOG}?tz=utc`);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: "Saved searches" }).click();
    await panel(page).getByRole("button", { name: /^Trouble with orders/ }).click();
    await page.waitForURL((url) => url.searchParams.get("from") === "-7d");
    const search = new URL(page.url()).searchParams;
    assert.deepEqual([search.get("q"), search.getAll("f")], ["orders", ["outcome:denied,failure", "-project:payments"]]);
    await page.getByRole("button", { name: /^Time: Past 7 days/ }).waitFor();

    // It gets another name, another time, and everybody sees it.
    await page.goto(`${LOG}?tz=utc&from=-30d&f=outcome:denied`);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: "Saved searches" }).click();
    await page.getByRole("button", { name: "Change Trouble with orders" }).click();
    await page.getByLabel("Name").fill("Denied this month");
    await page.getByRole("checkbox", { name: /^Put in its place/ }).check();
    await page.getByRole("checkbox", { name: /^For everybody/ }).check();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Denied this month is saved").waitFor();
    const [shared] = await saved();
    assert.deepEqual([shared.name, shared.q, shared.from, shared.to, shared.visibility], ["Denied this month", "outcome:denied", "-30d", null, "organization"]);

    // Who reads the log without the permission to share picks it, and cannot change it.
    const auditor = await service.person("Savedreader", ["auditor"]);
    await withPage(browser, service, "saved reader", async (theirs) => {
      await signIn(theirs, auditor, LOG);
      await theirs.getByRole("button", { name: "Saved searches" }).click();
      const pick = panel(theirs).getByRole("button", { name: /^Denied this month/ });
      await pick.waitFor();
      assert.equal(await theirs.getByRole("button", { name: /^(Change|Delete) / }).count(), 0);
      await pick.click();
      await theirs.waitForURL((url) => url.searchParams.get("f") === "outcome:denied");
    });

    await page.getByRole("button", { name: "Saved searches" }).click();
    await panel(page).getByRole("button", { name: /^Denied this month/, current: true }).waitFor();
    await page.getByRole("button", { name: "Delete Denied this month" }).click();
    await page.getByRole("button", { name: "Delete saved search" }).click();
    await page.getByText("Denied this month is deleted").waitFor();
    assert.deepEqual(await saved(), []);
    for (const action of ["audit_log.search.save", "audit_log.search.update", "audit_log.search.delete"]) {
      assert.equal(await service.count("demo", { q: `action:${action} outcome:success source:actarium`, from: "-1h" }), 1, action);
    }
  }, { storageState: state });
});

test("with the keyboard alone", () =>
  withPage(browser, service, "saved keyboard", async (page) => {
    await page.goto(`${LOG}?tz=utc&from=-30d&f=outcome:failure`);
    await (await rows(page)).first().waitFor();
    await page.keyboard.press("s");
    const save = page.getByRole("button", { name: "Save this search…" });
    await save.waitFor();
    await reach(page, save);
    await page.keyboard.press("Enter");
    await page.getByLabel("Name").waitFor();
    await page.keyboard.type("Failed this month");
    await page.keyboard.press("Enter");
    await page.getByText("Failed this month is saved").waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label")?.startsWith("Saved searches"));
    await page.goto(`${LOG}?tz=utc`);
    await (await rows(page)).first().waitFor();
    await page.keyboard.press("s");
    await reach(page, panel(page).getByRole("button", { name: /^Failed this month/ }));
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("f") === "outcome:failure");
    await page.keyboard.press("s");
    await panel(page).waitFor();
    await page.keyboard.press("Escape");
    await panel(page).waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label")?.startsWith("Saved searches"));
  }, { storageState: state }));
