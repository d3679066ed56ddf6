// Events by somebody who wants to do harm: what they hold is shown inert, and visible as what it is.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, withPage } from "./service.mjs";

const HTML = `<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">x</a>`;
const EVENTS = [
  { name: HTML, id: "html" },
  { name: "invoice\u202Efdp.exe", id: "rlo" },
  { name: "a\u001b]0;owned\u0007\u001b[31mred", id: "escape" },
  { name: "pay\u200bments", id: "zwsp" },
  { name: "=HYPERLINK(\"http://evil.example\",\"x\")", id: "formula" },
  { name: "{actor}[ to {target}]{{", id: "template" },
  { name: "\u05d0\u05d1\u05d2 \u0627\u0644\u062d\u0633\u0627\u0628", id: "rtl" },
  { name: "Z\u0351\u036b\u0343\u036a\u0302a\u0308\u0301l\u033bg\u0330o\u0321".repeat(8), id: "zalgo" },
];
const event = ({ name, id }) => ({
  action: "component.update",
  actor: { type: "user", id: `actor-${id}`, name },
  targets: [{ type: "component", id: `target-${id}`, name }],
  outcome: "failure",
  reason: name,
  message: name,
  context: { user_agent: name, request_id: `req ${id} ${name}`.slice(0, 200), surface: name.slice(0, 60) },
  changes: [{ path: `/${name.replaceAll("~", "~0")}`, before: name, after: { [name.slice(0, 60)]: name } }],
  metadata: { hostile: name.slice(0, 400) },
});
// Nearly all that one event may hold, in one text.
const LONG = { ...event({ name: "long", id: "long" }), changes: [{ path: "/spec", before: "x".repeat(14_000), after: `${"<b>y</b>".repeat(1_700)}` }] };

let state;
serviceAndBrowser({}, async () => {
  await service.record("demo", [...EVENTS.map(event), LONG]);
  state = await administratorState();
});

const LOG = "/orgs/demo/audit-logs?tz=utc&f=action:component.update&f=outcome:failure&from=-1h";

test("hostile texts are texts, in the list and in every view of the event", () =>
  withPage(browser, service, "hostile", async (page) => {
    await page.goto(LOG);
    const list = await rows(page);
    await list.first().waitFor();
    for (const { name, id } of EVENTS) {
      const found = await service.api("GET", `/v1/orgs/demo/events?from=-1h&q=target:target-${id}`);
      assert.equal(found.events[0].targets[0].name, name, "it is kept as it was sent");
      await page.goto(`${LOG}&event=${found.events[0].id}`);
      const drawer = page.getByRole("complementary", { name: "Event" });
      await drawer.getByRole("heading", { level: 2 }).waitFor();
      for (const tab of ["Around it", "JSON", "Event"]) {
        await drawer.getByRole("tab", { name: tab }).click();
        await page.waitForTimeout(100);
        assert.equal(await page.locator("#root img, #root script, #root a[href^=javascript]").count(), 0, `${id}: ${tab}`);
      }
    }
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    const shown = await page.locator(".row").allTextContents();
    assert.ok(shown.some((text) => text.includes("<script>alert(2)</script>")), "markup is read as it was written");
    assert.ok(shown.some((text) => text.includes("invoiceRLOfdp.exe")), "an override is named");
    assert.ok(shown.some((text) => text.includes("aESC]0;ownedBELESC[31mred")), "terminal escapes are named");
    assert.ok(shown.some((text) => text.includes("payZWSPments")), "what cannot be seen is named");
    assert.ok(shown.some((text) => text.includes("{actor}[ to {target}]{{")), "a value is never read as a template");
  }, { storageState: state }));

test("a row keeps its height and its place, whatever it holds", () =>
  withPage(browser, service, "hostile rows", async (page) => {
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    const boxes = await page.locator(".row").evaluateAll((all) => all.map((one) => ({ height: one.getBoundingClientRect().height, wide: one.scrollWidth > one.clientWidth + 1 })));
    assert.ok(boxes.length >= EVENTS.length && boxes.every((box) => box.height === 30 && !box.wide), JSON.stringify(boxes));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false);
  }, { storageState: state }));

test("a hostile value becomes a criterion that finds it again", () =>
  withPage(browser, service, "hostile criterion", async (page) => {
    for (const { id } of EVENTS) {
      await page.goto(`${LOG}&q=target-${id}`);
      const list = await rows(page);
      await list.first().waitFor();
      await list.first().locator("[data-column=actor]").click({ button: "right" });
      await page.getByRole("menuitem", { name: "Only this" }).first().click();
      await page.waitForURL((url) => url.searchParams.getAll("f").some((term) => term.startsWith("actor:")));
      await page.locator(".audit-count", { hasText: /^1 event$/ }).waitFor();
    }
  }, { storageState: state }));

test("a very long text is cut, and shown whole when asked for", () =>
  withPage(browser, service, "hostile long", async (page) => {
    await page.goto(`${LOG}&q=target-long`);
    const list = await rows(page);
    await list.first().click();
    const drawer = page.getByRole("complementary", { name: "Event" });
    const all = drawer.getByRole("button", { name: "Show all 14,000 characters" });
    await all.click();
    assert.equal(await drawer.locator(".diff-before").textContent(), `before: ${"x".repeat(14_000)}`);
    assert.equal(await drawer.locator(".diff-after b").count(), 0);
  }, { storageState: state }));

test("a CSV that is taken out of it runs nothing", () =>
  withPage(browser, service, "hostile export", async (page) => {
    await page.goto(LOG);
    await (await rows(page)).first().waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("button", { name: /^Export \d+ events$/ }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("dialog").getByRole("link", { name: "Download" }).click()]);
    const text = await readFile(await download.path(), "utf8");
    assert.ok(text.includes(`"'=HYPERLINK(`), "a formula begins with an apostrophe");
    assert.ok(!/(^|,)"?=HYPERLINK/m.test(text));
  }, { storageState: state }));
