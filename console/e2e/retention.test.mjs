// How long the log is kept and what is held: seen, changed with what it will do said before, locked for good; by who may change
// it and by who may only see it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, focused, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({ arguments: ["--hot-days-min", "30", "--archive-days-min", "0"] }, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));
const dialog = (page) => page.getByRole("dialog");
const closed = (page) => dialog(page).waitFor({ state: "detached" });
const retention = (org) => service.api("GET", `/v1/orgs/${org}/retention`);
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const dayIn = (days) => DAY.format(Date.now() + days * 86_400_000).replace("Sept", "Sep");

async function choose(page, hot, archive) {
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await dialog(page).getByLabel("Days at hand").fill(String(hot));
  await dialog(page).getByLabel("Days in the archive, after that").fill(String(archive));
}

on("what a change will do is said before it is made", async (page) => {
  await page.goto("/orgs/demo/retention");
  await page.getByText("365 days more").waitFor();
  const said = dialog(page).getByRole("status", { name: "What will happen" });

  await choose(page, 10, 365);
  await dialog(page).getByText("30 to 36,500 days, by the operator’s bounds").waitFor();
  assert.ok(await dialog(page).getByRole("button", { name: "Change", exact: true }).isDisabled());

  // Shorter: in thirty days, and what is lost then is said.
  await dialog(page).getByLabel("Days at hand").fill("90");
  await dialog(page).getByLabel("Days in the archive, after that").fill("60");
  await said.getByText(`On ${dayIn(30)}`).waitFor();
  await said.getByText(`recorded before ${dayIn(30 - 150)} is purged and cannot be brought back`).waitFor();
  await dialog(page).getByRole("button", { name: "Change", exact: true }).click();
  await closed(page);
  await page.getByText(`From ${dayIn(30)} on`).waitFor();
  await page.getByText("365 days more").waitFor();
  const { pending } = await retention("demo");
  assert.deepEqual([pending.hot_days, pending.archive_days], [90, 60]);
  assert.equal(DAY.format(Date.parse(pending.effective_at)).replace("Sept", "Sep"), dayIn(30));

  // Taken back.
  await page.getByRole("button", { name: "Take it back" }).click();
  await dialog(page).getByRole("button", { name: "Take it back" }).click();
  await closed(page);
  await page.getByText(`From ${dayIn(30)} on`).waitFor({ state: "detached" });
  assert.equal((await retention("demo")).pending, null);

  // Longer: at once.
  await choose(page, 400, 400);
  await said.getByText("At once: 400 days at hand, 400 days in the archive, 800 days in all.").waitFor();
  assert.equal(await said.locator(".effect-grave").count(), 0);
  await dialog(page).getByRole("button", { name: "Change", exact: true }).click();
  await closed(page);
  await page.getByText("after 800 days").waitFor();
  await page.getByText(/^[1-9][\d,]* events/).first().waitFor();

  await page.getByRole("link", { name: "Audit of this" }).first().click();
  await (await rows(page)).first().waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "Past runs" }).click();
  await page.waitForURL((url) => url.searchParams.get("q") === "action:record.archive,record.purge");
  await page.locator(".row", { hasText: "purge" }).first().waitFor();
});

test("a locked retention is never shortened", async () => {
  await service.api("POST", "/v1/orgs", { slug: "locked", name: "Locked" });
  const person = await service.person("locker", ["admin"], "locked");
  await withPage(browser, service, "lock", async (page) => {
    await signIn(page, person, "/orgs/locked/retention");
    await page.getByRole("button", { name: "Lock", exact: true }).click();
    const lock = dialog(page).getByRole("button", { name: "Lock for good" });
    assert.ok(await lock.isDisabled());
    await dialog(page).getByLabel("To confirm, type locked").fill("lock");
    assert.ok(await lock.isDisabled());
    await dialog(page).getByLabel("To confirm, type locked").fill("locked");
    await lock.click();
    await closed(page);
    await page.getByText("Locked.", { exact: true }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Lock", exact: true }).count(), 0);
    assert.equal((await retention("locked")).locked, true);
    await choose(page, 365, 364);
    await dialog(page).getByText("Locked: with these days at hand 365 or more").waitFor();
    assert.ok(await dialog(page).getByRole("button", { name: "Change", exact: true }).isDisabled());
    await dialog(page).getByLabel("Days in the archive, after that").fill("730");
    await dialog(page).getByRole("button", { name: "Change", exact: true }).click();
    await page.getByText("after 1,095 days").waitFor();
  });
});

on("a hold is counted, placed, followed into the log, and released with a reason", async (page) => {
  const query = { from: "-90d", q: 'actor:"Ana Sousa" action:component.*' };
  const expected = await service.count("demo", query);
  assert.ok(expected > 10);
  await page.goto("/orgs/demo/retention");
  await page.getByText("No record is held.").waitFor();
  await page.getByRole("button", { name: "Place a hold" }).click();
  await dialog(page).getByText("Without any criterion it holds every record of Northwind Platform").waitFor();
  await dialog(page).getByLabel("Reason").fill("Refund inquiry, case 2026-114");
  await dialog(page).getByLabel("Actor").fill("Ana Sousa");
  await dialog(page).getByLabel("Search phrase").fill("action:component.* nonsense:x");
  await dialog(page).getByRole("button", { name: "Place hold" }).click();
  await dialog(page).getByLabel("Search phrase").and(page.locator("[aria-invalid=true]")).waitFor();
  await dialog(page).getByLabel("Search phrase").fill("action:component.*");
  const from = new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 19);
  await dialog(page).getByLabel("From (UTC)").fill("lately");
  await page.keyboard.press("Tab");
  await dialog(page).getByText("Give a day, or a day and a time").waitFor();
  // What it would hold is not told without the time that was meant.
  assert.equal(await dialog(page).getByRole("button", { name: "Count what it would hold" }).count(), 0);
  await dialog(page).getByLabel("From (UTC)").fill(from);
  // A day of the calendar is meant with its last moment, and may be one to come.
  await dialog(page).getByRole("button", { name: "Choose the last day" }).click();
  await page.getByRole("button", { name: "Month after" }).click();
  await page.locator("[role=grid] .day:not(.day-beside) button").first().click();
  assert.match(await dialog(page).getByLabel("To (UTC)").inputValue(), /^\d{4}-\d\d-01 24:00$/);
  await focused(page, "button", "Choose the last day");
  await dialog(page).getByLabel("To (UTC)").fill("soon");
  await page.keyboard.press("Enter");
  await dialog(page).getByText("Give a day, or a day and a time").waitFor();
  await dialog(page).getByLabel("To (UTC)").fill("");
  await dialog(page).getByRole("button", { name: "Count what it would hold" }).click();
  const counted = dialog(page).getByText(/^[\d,]+ events match now\.$/);
  await counted.waitFor();
  assert.ok(Math.abs(Number((await counted.textContent()).replace(/\D/g, "")) - expected) <= 1);
  await dialog(page).getByRole("button", { name: "Place hold" }).click();
  await closed(page);
  const holds = page.getByRole("region", { name: "Legal holds" });
  await holds.getByText("Refund inquiry, case 2026-114").waitFor();
  await holds.getByText('action:component.* actor:"Ana Sousa"').waitFor();
  const [hold] = (await service.api("GET", "/v1/orgs/demo/legal-holds")).legal_holds;
  assert.deepEqual([hold.actor, hold.q, hold.from.slice(0, 19), hold.to], ["Ana Sousa", "action:component.*", from, null]);

  await holds.getByRole("link", { name: "Events", exact: true }).click();
  await (await rows(page)).first().waitFor();
  await page.getByText(new RegExp(`^${(expected).toLocaleString("en")} events$|^${(expected - 1).toLocaleString("en")} events$`)).first().waitFor();
  await page.goBack();

  await holds.getByRole("button", { name: /^Release the hold/ }).click();
  await dialog(page).getByLabel("Why it is released").fill("The case is closed");
  await dialog(page).getByRole("button", { name: "Release" }).click();
  await closed(page);
  await page.getByText("No record is held.").waitFor();
  assert.equal(await service.count("demo", { from: "-1h", q: `action:legal_hold.* target:legal_hold:${hold.id}` }), 2);
});

test("who may only see, sees and cannot change; who may not is told what is missing", async () => {
  const auditor = await service.person("Looker", ["auditor"]);
  await service.api("POST", "/v1/orgs/demo/legal-holds", { reason: "For the looker" });
  await withPage(browser, service, "read only", async (page) => {
    await signIn(page, auditor, "/orgs/demo/retention");
    await page.getByText("For the looker").waitFor();
    await page.getByText("every record").waitFor();
    for (const name of ["Change", "Lock", "Place a hold", /^Release/, "Take it back"]) assert.equal(await page.getByRole("button", { name, exact: true }).count(), 0, String(name));
  });
  const role = await service.api("POST", "/v1/orgs/demo/roles", { name: "Holds only", permissions: ["legal_holds_view"] });
  const group = await service.api("POST", "/v1/orgs/demo/groups", { name: "Counsel" });
  await service.api("POST", `/v1/orgs/demo/groups/${group.id}/roles`, { role: role.id, level: "organization" });
  const counsel = await service.person("Counsel", [group.id]);
  await withPage(browser, service, "holds only", async (page) => {
    await signIn(page, counsel, "/orgs/demo/retention");
    await page.getByText("For the looker").waitFor();
    assert.equal(await page.getByRole("heading", { name: "Retention", exact: true }).count(), 0);
    assert.equal(await page.getByRole("link", { name: "Audit logs" }).count(), 0);
  });
  const developer = await service.person("Nobody", ["developer"]);
  await withPage(browser, service, "no retention", async (page) => {
    await signIn(page, developer, "/orgs/demo/retention");
    await page.getByRole("heading", { name: "You do not have access to Retention & holds" }).waitFor();
    await page.getByText("retention_view").waitFor();
  });
});

on("a hold is placed and released by the keyboard alone", async (page) => {
  await page.goto("/orgs/demo/retention");
  const place = page.getByRole("button", { name: "Place a hold" });
  await place.focus();
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Ana Sousa");
  await page.keyboard.press("Enter");
  await closed(page);
  const release = page.getByRole("button", { name: "Release the hold: By keyboard" });
  await release.focus();
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.type("Done");
  await page.keyboard.press("Enter");
  await closed(page);
  await release.waitFor({ state: "detached" });
  await place.focus();
  await page.keyboard.press("Enter");
  await dialog(page).waitFor();
  await page.keyboard.press("Escape");
  await closed(page);
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Place a hold");
});
