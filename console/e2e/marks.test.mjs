// What an event says of itself and of where it lies: parts that were erased, the archive, until when it is kept. And what using
// the console leaves in the log.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));
const LOG = "/orgs/demo/audit-logs?tz=utc&from=-30d";
const PAGE = /\/v1\/orgs\/demo\/events\?/;

/** Takes out of an event what an erasure of these parts takes out of it. */
function erase(event, parts) {
  event.erased = parts;
  for (const one of [event.actor, ...event.targets]) {
    if (parts.includes("identity")) delete one.id;
    if (parts.includes("identity")) delete one.session_id;
    if (parts.includes("personal")) for (const key of ["name", "email", "groups"]) delete one[key];
    if (parts.includes("detail")) delete one.metadata;
  }
  if (parts.includes("personal")) for (const key of ["ip", "user_agent"]) delete event.context?.[key];
  if (parts.includes("identity")) for (const key of ["request_id", "trace_id"]) delete event.context?.[key];
  if (parts.includes("identity")) delete event.external_id;
  if (parts.includes("detail")) for (const key of ["reason", "message", "changes", "metadata"]) delete event[key];
}

async function answering(page, change) {
  await page.route(PAGE, async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    change(answer);
    await route.fulfill({ response, json: answer });
  });
}

for (const viewport of [{ width: 1440, height: 860 }, { width: 380, height: 800 }]) {
  on(`what was erased is marked, at ${viewport.width} pixels`, async (page) => {
    const wide = viewport.width > 860;
    await answering(page, ({ events }) => {
      erase(events[0], ["identity", "personal", "detail"]);
      erase(events[1], ["personal"]);
    });
    await page.goto(`${LOG}&q=action:component.promote`);
    const list = await rows(page);
    await list.first().waitFor();
    const [whole, personal] = [list.nth(0), list.nth(1)];
    // Who it was, the project and the address: something stood there. The second still has its ids.
    assert.equal(await whole.locator(".erased").count(), wide ? 4 : 1);
    assert.equal(await personal.locator(".erased").count(), wide ? 1 : 0);
    await whole.click();
    const drawer = page.getByRole("complementary", { name: "Event" });
    await drawer.locator(".event-erased").waitFor();
    const told = await drawer.locator(".event-erased").textContent();
    for (const part of ["ids of actor and targets", "names, e-mail addresses", "reason, message, changes"]) assert.ok(told.includes(part), part);
    assert.equal(await drawer.locator("dd", { hasText: "undefined" }).count(), 0);
    assert.ok((await drawer.locator("dd .erased").count()) >= 3);
    // Nothing is left to look for around it, and nothing breaks.
    await page.getByRole("tab", { name: "Around it" }).click();
    await page.getByRole("tab", { name: "JSON" }).click();
    await drawer.locator(".event-json").waitFor();
    await page.getByRole("button", { name: /^Close/ }).click();
    await page.keyboard.press("f");
    await page.getByRole("menuitem", { name: "Copy as JSON" }).waitFor();
  }, { viewport });
}

on("a range that reaches into the archive says so, and only then", async (page) => {
  const note = page.getByText("This range reaches into the archive; it may take longer.");
  await page.goto(LOG);
  await (await rows(page)).first().waitFor();
  assert.equal(await note.count(), 0);
  // Said by the retention while the answer is awaited, and taken back by an answer that knows better.
  let answer;
  const asked = new Promise((resolve) => (answer = resolve));
  await page.route(PAGE, async (route) => {
    await asked;
    await route.fallback();
  });
  await page.goto("/orgs/demo/audit-logs?tz=utc&from=-730d");
  await note.waitFor();
  answer();
  await (await rows(page)).first().waitFor();
  await note.waitFor({ state: "detached" });
  await page.unroute(PAGE);
  await answering(page, (page_) => (page_.archive = true));
  await page.goto(LOG);
  await note.waitFor();
});

on("an event says until when it is kept, to who may see the retention", async (page) => {
  const { hot_days, archive_days } = await service.api("GET", "/v1/orgs/demo/retention");
  await page.goto(LOG);
  await (await rows(page)).first().click();
  const kept = page.locator("dt", { hasText: /^Kept$/ }).locator("xpath=following-sibling::dd[1]");
  await kept.waitFor();
  const recorded = Date.parse((await service.api("GET", "/v1/orgs/demo/events?limit=1&from=-30d")).events[0].recorded_at);
  const year = (days) => new Date(recorded + (days + 1) * 86_400_000).getUTCFullYear();
  assert.match(await kept.textContent(), new RegExp(`^at hand until .* ${year(hot_days)}, then in the archive until .* ${year(hot_days + archive_days)}$`));
  // An old one is in the archive, and one whose time is over says why it may still be there.
  for (const [days, said] of [[hot_days + 30, "Archive since"], [hot_days + archive_days + 30, "Past its time since"]]) {
    await answering(page, ({ events }) => (events[0].recorded_at = new Date(Date.now() - days * 86_400_000).toISOString()));
    await page.goto(LOG);
    await (await rows(page)).first().click();
    await kept.filter({ hasText: said }).waitFor();
    await page.unroute(PAGE);
  }
});

const searches = (query) => service.count("demo", { from: "-1h", q: `action:audit_log.search ${query}` });

/** How many records of searches there are once no more come. */
async function settled(query) {
  let before = -1;
  for (let now = await searches(query); now !== before; now = await searches(query)) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  return before;
}

on("a search with all that the page counts beside it is one record", async (page) => {
  const own = `actor:${service.administrator.email}`;
  const before = await settled(own);
  await page.goto("/orgs/demo/audit-logs?tz=utc&from=-29d&f=outcome:denied&counts=1");
  await (await rows(page)).first().waitFor();
  await page.getByRole("region", { name: "Counts" }).getByRole("group", { name: "Action" }).waitFor();
  await page.locator(".bar i").first().waitFor();
  // The menu of a field that is not asked for yet, and values that are offered while somebody adds to what is shown.
  await page.getByRole("button", { name: "Project", exact: true }).click();
  await page.getByRole("checkbox").first().waitFor();
  await page.keyboard.press("Escape");
  // That of the field that is a criterion already shows what else there is.
  await page.getByRole("group", { name: "Criteria" }).getByRole("button", { name: /^Outcome ?denied/ }).click();
  await page.getByRole("checkbox", { name: /^failed/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("action:comp");
  await page.getByRole("option").first().waitFor();
  assert.equal((await settled(own)) - before, 1);
});

on("a search that finds nothing shows no count of its own record", async (page) => {
  await page.goto("/orgs/demo/audit-logs?tz=utc&counts=1&q=zyzzogeton");
  await page.getByText("No event fits all of this").waitFor();
  await page.locator(".audit-count", { hasText: /^0 events$/ }).waitFor();
  await page.getByText("There is nothing to count.").waitFor();
  await settled("zyzzogeton");
  assert.equal(await page.locator(".bar i").count(), 0);
});

on("what a legal hold keeps says so, until it is released", async (page) => {
  const reason = "Inquiry into promotions";
  const hold = await service.api("POST", "/v1/orgs/demo/legal-holds", { reason, q: "action:component.promote" });
  await page.goto(`${LOG}&q=action:component.promote`);
  const row = (await rows(page)).first();
  await row.locator(".row-mark", { hasText: "held" }).waitFor();
  await row.click();
  const held = page.locator("dt", { hasText: /^Held$/ }).locator("xpath=following-sibling::dd[1]");
  await held.getByText(reason).waitFor();
  // It is told beside the event, and no part of what is proven.
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText("Shown as recorded, in every field").waitFor();
  assert.equal(await page.locator(".checks-failed").count(), 0);
  await held.getByRole("link", { name: reason }).click();
  await page.getByRole("region", { name: "Legal holds" }).getByText(reason).first().waitFor();
  await page.goto(`${LOG}&q=action:component.update`);
  await (await rows(page)).first().waitFor();
  assert.equal(await page.locator(".row-mark", { hasText: "held" }).count(), 0);
  await service.api("DELETE", `/v1/orgs/demo/legal-holds/${hold.id}?reason=over`);
  await page.goto(`${LOG}&q=action:component.promote`);
  await (await rows(page)).first().waitFor();
  assert.equal(await page.locator(".row-mark").count(), 0);
});

on("records of searches that a word finds can be left out", async (page) => {
  const word = "quayside";
  await page.goto("/orgs/demo/audit-logs?tz=utc");
  const offer = page.getByRole("button", { name: "Leave searches out" });
  const box = page.getByRole("combobox", { name: "Search phrase" });
  const ask = async (text) => {
    await box.fill(text);
    await page.keyboard.press("Enter");
    await rows(page);
  };
  await ask(word);
  await settled(word);
  await ask(word);
  await offer.waitFor();
  await offer.click();
  await page.getByText("No event fits all of this").waitFor();
  assert.equal(await offer.count(), 0);
  assert.equal(new URL(page.url()).searchParams.get("f"), "-action:audit_log.search");
  await page.getByRole("button", { name: /^Remove Action/ }).click();
  await offer.waitFor();
  // Who asks for a field alone is not bothered.
  await ask("outcome:success");
  await offer.waitFor({ state: "detached" });
});
