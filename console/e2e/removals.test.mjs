// Taking something out of records before its time: a person is erased and an event redacted, asked for by one and approved by
// another; what is refused, to whom, and what is left to see of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));
const dialog = (page) => page.getByRole("dialog");
const LIST = "/orgs/demo/erasures";

/** Signs in as another person, on a page of their own. */
const as = (person, name, run) => withPage(browser, service, name, async (page) => {
  await signIn(page, person);
  await run(page);
});

on("a person is erased: counted, asked for, approved by another, done", async (page) => {
  const second = await service.person("Second", ["admin"]);
  const { users } = await service.api("GET", "/v1/orgs/demo/users?search=ana.sousa");
  const named = () => service.count("demo", { from: "-365d", q: 'actor:"Ana Sousa"' });
  assert.ok((await named()) > 100);

  // From the person's own page, so that nobody has to look for an id.
  await page.goto(`/orgs/demo/users/${users[0].id}`);
  await page.getByRole("link", { name: /^Erase from the log/ }).click();
  await dialog(page).getByText("Ana Sousa, ana.sousa@northwind.example").waitFor();
  const ask = dialog(page).getByRole("button", { name: "Ask for approval" });
  assert.ok(await ask.isDisabled(), "nothing is asked for that was not counted");
  await dialog(page).getByRole("button", { name: "Count" }).click();
  await dialog(page).getByText(/^events lose something/).waitFor();
  // Another choice has not been counted.
  await dialog(page).getByLabel(/^Detail/).check();
  await dialog(page).getByRole("button", { name: "Count" }).waitFor();
  assert.ok(await ask.isDisabled());
  await dialog(page).getByLabel(/^Detail/).uncheck();
  await dialog(page).getByLabel("Reason", { exact: true }).fill("Ana Sousa asked for it");
  await ask.click();
  await dialog(page).getByRole("alert").filter({ hasText: /must not name the person/ }).waitFor();
  await dialog(page).getByLabel("Reason", { exact: true }).fill("Request under article 17, ticket 481");
  await ask.click();
  await page.waitForURL(/\/erasures\/erasure_/);
  await page.getByText("Waits for approval").waitFor();
  const { pathname } = new URL(page.url());

  // Who asked cannot approve, and is told who can.
  await page.getByRole("region", { name: "Who can approve it" }).getByRole("link", { name: "Second" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Approve" }).count(), 0);

  await as(second, "erasure approved", async (theirs) => {
    await theirs.goto(LIST);
    await theirs.getByRole("link", { name: `Erase user:${users[0].id}` }).click();
    await theirs.getByRole("button", { name: "Approve" }).click();
    await dialog(theirs).getByText("That cannot be taken back.").waitFor();
    await dialog(theirs).getByRole("button", { name: "Approve and remove" }).click();
    await theirs.getByText("Done", { exact: true }).waitFor({ timeout: 60_000 });
  });
  assert.equal(await named(), 0);

  // The name is gone from the erasure, too, and the ledger keeps it under a pseudonym.
  await page.goto(pathname);
  await page.getByText("Done", { exact: true }).waitFor();
  await page.locator("dt", { hasText: "Pseudonym" }).waitFor();
  assert.equal(await page.getByText(users[0].id).count(), 0);
  await page.locator("dd", { hasText: " by Second" }).waitFor();
  await page.goto(LIST);
  await page.getByRole("region", { name: "Ended", exact: true }).getByText("Request under article 17, ticket 481").waitFor();
  await page.getByRole("link", { name: "In the log" }).click();
  await (await rows(page)).first().waitFor();
  for (const action of ["record.removal.request", "record.removal.approve", "record.erase"]) {
    assert.ok((await service.count("demo", { from: "-1h", action })) > 0, action);
  }

  // What is left says that something is gone, and its proof holds.
  await page.goto(`/orgs/demo/audit-logs?tz=utc&from=-365d&q=actor:${users[0].id}`);
  await (await rows(page)).first().click();
  await page.locator(".event-erased").waitFor();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText("Shown as recorded, in every field").waitFor();
  assert.equal(await page.locator(".checks-failed").count(), 0);
});

on("an event is redacted from where it is seen, and the asking can be rejected", async (page) => {
  const { events } = await service.record("demo", [{
    action: "component.deploy", actor: { type: "user", id: "u" }, targets: [{ type: "component", id: "c" }], message: "iban DE02120300000000202051 in a message", metadata: { note: "7 of 9" },
  }]);
  const { id } = events[0];
  await page.goto(`/orgs/demo/audit-logs?tz=utc&event=${id}`);
  await page.getByRole("link", { name: "Redact…" }).click();
  assert.equal(await dialog(page).getByLabel("Events").inputValue(), id);
  await dialog(page).getByText("1 event", { exact: true }).waitFor();
  // Nothing in it is a secret by the rules: what is to go has to be said.
  await dialog(page).getByRole("button", { name: "Count" }).click();
  await dialog(page).locator(".field-error").first().waitFor();
  await dialog(page).getByLabel("Also mask what stands at").fill("/message");
  await dialog(page).getByRole("button", { name: "Count" }).click();
  await dialog(page).getByLabel("Reason", { exact: true }).fill("An account number in a message");
  await dialog(page).getByRole("button", { name: "Ask for approval" }).click();
  await page.waitForURL(/\/erasures\/redaction_/);
  await page.getByRole("link", { name: id }).waitFor();
  await page.getByRole("button", { name: "Reject" }).click();
  await dialog(page).getByLabel("Why").fill("It is a number for tests");
  await dialog(page).getByRole("button", { name: "Reject" }).click();
  await page.getByText("Rejected", { exact: true }).first().waitFor();
  await page.getByText("It is a number for tests").waitFor();
  assert.equal((await service.api("GET", `/v1/orgs/demo/events/${id}`)).metadata.note, "7 of 9");
});

test("who may see removals but not ask is offered nothing to ask with, and who may not see them is told what is missing", async () => {
  const [auditor, engineer] = [await service.person("Reader", ["auditor"]), await service.person("Engineer", ["platform-engineer"])];
  await as(auditor, "removals seen", async (page) => {
    await page.goto(`${LIST}?erase=user:usr_x`);
    await page.getByRole("heading", { name: "Erasures & redactions" }).waitFor();
    for (const name of ["Erase a person", "Redact events"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
    assert.equal(await dialog(page).count(), 0);
  });
  await as(engineer, "removals refused", async (page) => {
    assert.equal(await page.getByRole("link", { name: "Erasures & redactions" }).count(), 0);
    await page.goto(LIST);
    await page.getByRole("heading", { name: "You do not have access to Erasures & redactions" }).waitFor();
    await page.getByText("removals_view").waitFor();
  });
});
