// The audit log page: finding, narrowing, zooming, reading an event, following, exporting; compared with what the API says.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));
const counted = (page, text) => page.locator(".audit-count", { hasText: text }).waitFor();
const LOG = "/orgs/demo/audit-logs";

on("it opens on the past 24 hours, newest first, and counts what the API counts", async (page) => {
  await page.goto("/");
  await page.waitForURL(/\/orgs\/demo\/audit-logs/);
  const list = await rows(page);
  await list.first().waitFor();
  await page.getByRole("button", { name: /^Time: Past 24 hours/ }).waitFor();
  const times = await page.locator(".row time").evaluateAll((all) => all.map((one) => one.dateTime));
  assert.deepEqual(times, [...times].sort().reverse());
  // Of a time that is over, the page and the API say the same number.
  await page.goto(`${LOG}?q=outcome:denied&from=-90d&to=-2d&tz=utc`);
  const count = await service.count("demo", { q: "outcome:denied", from: "-90d", to: "-2d" });
  assert.ok(count > 5);
  await counted(page, `${count.toLocaleString("en")} event`);
  await page.getByText(new RegExp(`^${count} events: that is all of`)).waitFor();
});

on("the search field completes fields and values, and the address holds the search", async (page) => {
  await page.goto(`${LOG}?from=-30d&tz=utc`);
  await (await rows(page)).first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("outc");
  await page.getByRole("option", { name: /^outcome:/ }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("den");
  await page.getByRole("option", { name: "denied" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("project:pay");
  await page.getByRole("option", { name: /^payments/ }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("q") === "outcome:denied project:payments");
  const count = await service.count("demo", { q: "outcome:denied project:payments", from: "-30d" });
  await counted(page, `${count} event`);
  // The count may be there before the rows are.
  await page.waitForFunction(() => {
    const found = [...document.querySelectorAll(".row .outcome")].map((outcome) => outcome.textContent);
    return found.length > 0 && found.every((outcome) => outcome === "denied");
  });
  await page.reload();
  assert.equal(await page.getByRole("combobox", { name: "Search phrase" }).inputValue(), "outcome:denied project:payments");
});

on("a phrase that cannot be read is marked where it is wrong", async (page) => {
  await page.goto(`${LOG}?from=-7d&tz=utc`);
  await page.getByRole("combobox", { name: "Search phrase" }).fill("orders actr:ada x");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "There is no field `actr` (did you mean `actor`?)" }).waitFor();
  assert.equal(await page.locator(".phrase-wrong").allTextContents().then((all) => all.join("")), "actr");
  await page.getByRole("heading", { name: "The search phrase cannot be read" }).waitFor();
  // Beside chips, and with characters of several bytes before it.
  await page.goto(`${LOG}?from=-7d&tz=utc&f=outcome:denied&q=${encodeURIComponent("Dvořák OR outcme:x")}`);
  await page.locator(".phrase-wrong").first().waitFor();
  assert.equal(await page.locator(".phrase-wrong").allTextContents().then((all) => all.join("")), "outcme");
});

on("criteria are chosen from menus, kept out and taken away", async (page) => {
  await page.goto(`${LOG}?from=-90d&tz=utc&q=source:api`);
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Outcome", exact: true }).click();
  await page.getByRole("checkbox", { name: /^denied/ }).click();
  await page.getByRole("checkbox", { name: /^failed/ }).click();
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => url.searchParams.get("f") === "outcome:denied,failure");
  const both = await service.count("demo", { q: "source:api outcome:denied,failure", from: "-90d" });
  await counted(page, `${both.toLocaleString("en")} events`);
  const chip = page.getByRole("group", { name: "Criteria" }).getByRole("button", { name: /^Outcome ?denied, failed/ });
  await chip.focus();
  await page.keyboard.press("n");
  await page.waitForURL((url) => url.searchParams.get("f") === "-outcome:denied,failure");
  const without = await service.count("demo", { q: "source:api -outcome:denied,failure", from: "-90d" });
  await counted(page, `${without.toLocaleString("en")} events`);
  await page.getByRole("button", { name: /^Outcome not/ }).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Copy as phrase" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "-outcome:denied,failure");
  await page.getByRole("button", { name: /^Remove Outcome/ }).click();
  await page.waitForURL((url) => !url.searchParams.has("f"));
});

on("every cell narrows and keeps out, with the pointer and with the keyboard", async (page) => {
  await page.goto(`${LOG}?from=-30d&tz=utc&q=project:payments`);
  const list = await rows(page);
  await list.first().waitFor();
  const actor = list.nth(2).locator("[data-column=actor]");
  await actor.hover();
  await actor.getByRole("button", { name: /^Only / }).click();
  await page.waitForURL((url) => /^actor:/.test(url.searchParams.get("f") ?? ""));
  await page.goBack();
  await page.waitForURL((url) => !url.searchParams.has("f"));
  await list.nth(1).locator("[data-column=project]").click({ button: "right" });
  await page.getByRole("menuitem", { name: "Without this" }).click();
  await page.waitForURL((url) => url.searchParams.get("f") === "-project:payments");
  await page.getByRole("heading", { name: "No event fits all of this" }).waitFor();
  await page.getByRole("button", { name: "Drop all criteria" }).click();
  await (await rows(page)).first().waitFor();
  await page.keyboard.press("j");
  // The key's row may be drawn a moment later.
  await page.locator(".row-marked").waitFor();
  await page.keyboard.press("f");
  await page.getByRole("menuitem", { name: "Only this" }).first().waitFor();
  await page.keyboard.press("Escape");
});

on("what a row names leads to what can be done with it, and the rest of the row opens it", async (page) => {
  await page.goto(`${LOG}?from=-30d&tz=utc&q=${encodeURIComponent("action:component.promote")}`);
  const list = await rows(page);
  await list.first().waitFor();
  const cell = list.nth(1).locator("[data-column=action]");
  const name = await cell.locator(".part").first().textContent();
  await cell.locator(".part").first().click();
  await page.getByRole("menu").getByText(name).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("event"), null);
  await page.getByRole("menuitem", { name: "Only this" }).click();
  await page.waitForURL((url) => /^target:/.test(url.searchParams.get("f") ?? ""));
  await (await rows(page)).first().waitFor();
  await list.first().locator("[data-column=actor] .part").click();
  await page.getByRole("menuitem", { name: "Only this" }).click();
  await page.waitForURL((url) => url.searchParams.getAll("f").some((one) => one.startsWith("actor:")));
  await (await rows(page)).first().waitFor();
  await list.first().locator("[data-column=time]").click();
  await page.locator(".event-facts").waitFor();
  await page.keyboard.press("Escape");
  // The menu of the row, which the keyboard opens, has every target that the sentence names.
  const linked = await list.first().locator("[data-column=action] .part").allTextContents();
  assert.ok(linked.length >= 1);
  await page.keyboard.press("f");
  const targets = await page.getByRole("group", { name: "Target" }).count();
  assert.ok(targets >= linked.length, `${targets} of ${linked.length} targets`);
});

on("actions to choose from stand under the titles of the catalog", async (page) => {
  await page.goto(`${LOG}?from=-90d&tz=utc`);
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Action", exact: true }).click();
  await page.getByRole("checkbox").first().waitFor();
  const { families } = await service.api("GET", "/v1/catalog");
  const titles = families.map((family) => family.title);
  const shown = await page.locator(".choices-list .menu-label").allTextContents();
  assert.ok(shown.length > 5);
  // What the catalog does not know comes under the first word of its name.
  const known = shown.filter((title) => titles.includes(title));
  assert.ok(known.length > 5 && shown.every((title) => /^[A-Z]/.test(title) && !title.includes("_")), shown.join(", "));
});

on("a time of a link that cannot be read is told, and one that others write is read", async (page) => {
  const unread = page.getByText(/^The time of this link could not be read/);
  await page.goto(`${LOG}?from=-2y&tz=utc`);
  await page.getByRole("button", { name: /^Time: Past 2 years/ }).waitFor();
  await (await rows(page)).first().waitFor();
  assert.equal(await unread.count(), 0);
  await page.goto(`${LOG}?from=lately&tz=utc`);
  await page.getByRole("button", { name: /^Time: Past 24 hours/ }).waitFor();
  assert.equal(await unread.textContent(), "The time of this link could not be read (from=lately): the past 24 hours are shown.");
  await page.goto(`${LOG}?from=-7d&to=later&tz=utc`);
  await unread.filter({ hasText: "(to=later): it is shown up to now." }).waitFor();
  await page.getByRole("button", { name: /^Time: Past 7 days/ }).click();
  await page.getByRole("button", { name: "Past hour" }).click();
  await unread.waitFor({ state: "detached" });
});

on("dragging over the counts zooms, and back goes back", async (page) => {
  await page.goto(`${LOG}?from=-30d&tz=utc`);
  await (await rows(page)).first().waitFor();
  await page.locator(".bar i").first().waitFor();
  const box = await page.locator(".histogram-bars").boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 4 });
  await page.mouse.move(box.x + box.width * 0.7, box.y + 30, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL((url) => /^\d{4}-/.test(url.searchParams.get("from") ?? "") && /^\d{4}-/.test(url.searchParams.get("to") ?? ""));
  const { searchParams } = new URL(page.url());
  const days = (Date.parse(searchParams.get("to")) - Date.parse(searchParams.get("from"))) / 86_400_000;
  assert.ok(days > 5 && days < 8, `${days} days`);
  const zoomed = await service.count("demo", { from: searchParams.get("from"), to: searchParams.get("to") });
  await counted(page, `${zoomed.toLocaleString("en")} event`);
  await page.getByRole("button", { name: "Unzoom" }).click();
  await page.waitForURL((url) => url.searchParams.get("from") === "-30d");
  // The same with the keyboard.
  await page.locator(".histogram-bars").focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => /^\d{4}-/.test(url.searchParams.get("from") ?? ""));
});

on("a time is chosen from presets, by its bounds, and in another zone", async (page) => {
  await page.goto(`${LOG}?tz=utc`);
  await page.getByRole("button", { name: /^Time: / }).click();
  await page.getByRole("button", { name: "Past 7 days" }).click();
  await page.waitForURL((url) => url.searchParams.get("from") === "-7d");
  await page.getByRole("button", { name: /^Time: / }).click();
  await page.getByLabel("From", { exact: true }).fill("2026-01-05T08:00:00");
  await page.getByLabel("To", { exact: true }).fill("2026-01-01T08:00:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await page.getByText("The end must be after the beginning.").waitFor();
  assert.equal(await page.getByLabel("To", { exact: true }).getAttribute("aria-invalid"), "true");
  await page.getByLabel("From", { exact: true }).fill("30 February");
  await page.getByRole("button", { name: "Show this time" }).click();
  await page.getByText(/^Give a day, or a day and a time/).waitFor();
  assert.equal(await page.getByLabel("From", { exact: true }).getAttribute("aria-invalid"), "true");
  await page.getByLabel("From", { exact: true }).fill("2026-01-05T08:00:00");
  await page.getByLabel("To", { exact: true }).fill("2026-01-06T08:00:00");
  await page.getByRole("button", { name: "Show this time" }).click();
  await page.waitForURL((url) => url.searchParams.get("from") === "2026-01-05T08:00:00.000Z" && url.searchParams.get("to") === "2026-01-06T08:00:00.000Z");
}, { timezoneId: "UTC" });

on("a time is chosen from the calendar, with the pointer and with the keyboard", async (page) => {
  await page.goto(`${LOG}?tz=local&from=2026-03-10T00:00:00Z&to=2026-03-11T00:00:00Z`);
  const open = () => page.getByRole("button", { name: /^Time: / }).click();
  const is = (from, to) => page.waitForURL((url) => url.searchParams.get("from") === from && url.searchParams.get("to") === to);
  const day = (name) => page.getByRole("gridcell", { name, exact: true }).getByRole("button");
  await open();
  await page.getByRole("grid", { name: "March 2026" }).waitFor();
  await day("Thursday 5 March 2026").click();
  // The other end comes first or last.
  await day("Tuesday 3 March 2026").click();
  assert.equal(await page.getByLabel("From", { exact: true }).inputValue(), "2026-03-03 00:00");
  assert.equal(await page.getByLabel("To", { exact: true }).inputValue(), "2026-03-05 24:00");
  assert.equal(await page.getByRole("gridcell", { selected: true }).count(), 3);
  await page.getByRole("button", { name: "Show this time" }).click();
  // Days are those of the zone that is shown.
  await is("2026-03-02T18:30:00.000Z", "2026-03-05T18:30:00.000Z");
  await open();
  await day("Thursday 5 March 2026").focus();
  for (const key of ["PageUp", "ArrowDown", "Home", "Enter", "End", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("grid", { name: "February 2026" }).waitFor();
  await page.getByRole("button", { name: "Show this time" }).click();
  await is("2026-02-08T18:30:00.000Z", "2026-02-15T18:30:00.000Z");
}, { timezoneId: "Asia/Kolkata" });

on("times are told in the browser's zone when that is chosen", async (page) => {
  await page.goto(`${LOG}?from=-7d&tz=utc`);
  const first = (await rows(page)).first().locator("time");
  await first.waitFor();
  const at = Date.parse(await first.getAttribute("datetime"));
  const shown = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
  assert.ok((await first.textContent()).startsWith(shown("UTC")));
  await page.getByRole("button", { name: /^Zone: UTC/ }).click();
  await page.getByRole("menuitemradio", { name: /This browser’s zone/ }).click();
  await page.waitForURL((url) => url.searchParams.get("tz") === "local");
  await page.waitForFunction((text) => document.querySelector(".row time")?.textContent?.startsWith(text), shown("Asia/Kolkata"));
  assert.match(await page.locator(".list-zone").textContent(), /UTC\+5:30/);
}, { timezoneId: "Asia/Kolkata" });

on("an event is read beside the list: what, who, change, around it, JSON, link", async (page) => {
  await page.goto(`${LOG}?from=-90d&tz=utc&q=${encodeURIComponent("action:component.update outcome:success")}`);
  const list = await rows(page);
  await list.first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("complementary", { name: "Event" });
  await drawer.getByRole("heading", { level: 2 }).waitFor();
  const id = new URL(page.url()).searchParams.get("event");
  const event = (await service.api("GET", `/v1/orgs/demo/events/${id}`));
  assert.match(await drawer.getByRole("heading", { level: 2 }).textContent(), new RegExp(`^${event.actor.name ?? event.actor.id}.* updated `));
  await drawer.getByText(event.changes[0].path, { exact: true }).first().waitFor();
  assert.equal(await drawer.locator(".diff-path").count(), event.changes.length);
  await drawer.getByRole("tab", { name: "JSON" }).click();
  await drawer.getByRole("button", { name: "Copy", exact: true }).click();
  assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), event);
  await drawer.getByRole("tab", { name: "Around it" }).click();
  await drawer.getByRole("heading", { name: /The same actor/ }).waitFor();
  await page.keyboard.press("j");
  await page.waitForURL((url) => url.searchParams.get("event") !== id);
  await drawer.getByRole("button", { name: "Copy link to the event" }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await page.goto(link);
  await drawer.getByRole("heading", { level: 2 }).waitFor();
  await drawer.getByRole("button", { name: "Close (Escape)" }).click();
  await page.waitForURL((url) => !url.searchParams.has("event"));
  await page.goto(`${LOG}?event=00000000-0000-7000-8000-000000000000`);
  await drawer.getByRole("alert").getByText("There is no such event").waitFor();
  assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
});

on("what is recorded appears live, and waits while somebody reads further down", async (page) => {
  await page.goto(`${LOG}?tz=utc&q=action:component.deploy`);
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Live", exact: true }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  const deploy = (name) => ({ action: "component.deploy", actor: { type: "user", id: "u1", name: "Live Tester" }, targets: [{ type: "component", id: name }] });
  await service.record("demo", deploy("live-one"));
  await page.locator(".row", { hasText: "live-one" }).waitFor();
  assert.match(await page.locator(".row").first().textContent(), /live-one/);
  // Reading an event: what arrives waits.
  await page.locator(".row").nth(0).click();
  await service.record("demo", [deploy("live-two"), deploy("live-three")]);
  const pill = page.getByRole("button", { name: "2 new events" });
  await pill.waitFor();
  assert.equal(await page.locator(".row", { hasText: "live-two" }).count(), 0);
  await pill.click();
  await page.locator(".row", { hasText: "live-two" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Live", exact: true }).waitFor();
  const ids = await page.locator(".row").evaluateAll((all) => all.map((one) => one.textContent));
  assert.equal(ids.filter((text) => text.includes("live-")).length, 3);
});

on("columns are chosen, moved and remembered", async (page) => {
  await page.goto(`${LOG}?from=-7d&tz=utc`);
  await (await rows(page)).first().waitFor();
  const heads = () => page.getByRole("columnheader").allTextContents().then((all) => all.map((text) => text.replace(/UTC$/, "").trim()));
  assert.deepEqual(await heads(), ["Time", "Actor", "Action", "Target", "Project", "Outcome", "IP address"]);
  // With less room the target goes first: most sentences name it.
  await page.setViewportSize({ width: 1240, height: 860 });
  await page.waitForFunction(() => ![...document.querySelectorAll("[role=columnheader]")].some((one) => one.textContent === "Target"));
  await page.setViewportSize({ width: 1440, height: 860 });
  await page.getByRole("columnheader", { name: "Target" }).waitFor();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("checkbox", { name: "Project" }).uncheck();
  await page.getByRole("button", { name: "Outcome earlier" }).click();
  await page.keyboard.press("Escape");
  await page.reload();
  await (await rows(page)).first().waitFor();
  assert.deepEqual(await heads(), ["Time", "Actor", "Action", "Outcome", "Target", "IP address"]);
});

on("counts by field narrow", async (page) => {
  await page.goto(`${LOG}?from=-30d&tz=utc&counts=1`);
  const panel = page.getByRole("region", { name: "Counts" });
  const outcome = panel.getByRole("group", { name: "Outcome" }).getByRole("button", { name: /^failed/ });
  await outcome.click();
  await page.waitForURL((url) => url.searchParams.get("f") === "outcome:failure");
  await page.keyboard.press("c");
  await panel.waitFor({ state: "detached" });
});

on("an answer that fails is told with its request, and can be asked for again", async (page) => {
  let fails = true;
  await page.route(/\/v1\/orgs\/demo\/events\?/, (route) =>
    fails
      ? route.fulfill({
          status: 500, headers: { "content-type": "application/problem+json", "x-request-id": "req-test-1" },
          body: JSON.stringify({ type: "https://actarium.dev/problems/internal", title: "A fault of the server", status: 500, detail: "the server failed on this request", instance: "req-test-1" }),
        })
      : route.continue());
  await page.goto(`${LOG}?tz=utc`);
  await page.getByRole("heading", { name: "A fault of the server" }).waitFor();
  await page.getByText("req-test-1").waitFor();
  fails = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await (await rows(page)).first().waitFor();
}, { allowed: [/status of 500/] });

on("keys are told, and a link to the search is copied", async (page) => {
  await page.goto(`${LOG}?tz=utc&from=-7d`);
  await (await rows(page)).first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Share" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
});
