// How people sign in, set from the console; what who may only look is told; and that lists are usable in a narrow window.
import assert from "node:assert/strict";
import { test } from "node:test";

import { administratorState, browser, rows, service, serviceAndBrowser, signIn, withPage } from "./service.mjs";

let state;
serviceAndBrowser({}, async () => {
  state = await administratorState();
});

const on = (name, run, options) => test(name, () => withPage(browser, service, name, run, { storageState: state, ...options }));
const providers = async () => (await service.api("GET", "/v1/orgs/demo/identity-providers")).identity_providers;

on("an identity provider is changed in everything that it has, with what is wrong at its field", async (page) => {
  const made = await service.api("POST", "/v1/orgs/demo/identity-providers", { name: "Northwind", issuer: "https://login.example.com", client_id: "actarium", client_secret: "kept" });
  await page.goto("/orgs/demo/sign-in");
  await page.getByRole("button", { name: "Change Northwind" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Domains that it speaks for").fill("northwind.example\nno domain");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText(/^Line 2: must be a domain name/).waitFor();
  await dialog.getByLabel("Domains that it speaks for").fill("northwind.example\nexample.org");
  await dialog.getByLabel("Name").fill("Northwind staff");
  await dialog.getByLabel("Scopes").fill("email profile groups");
  await dialog.getByLabel("Claim that says that an address is verified").fill("xms_edov");
  await dialog.getByLabel("Groups claim").fill("roles");
  await dialog.getByLabel("People may sign in through it").uncheck();
  // A value of the claim gives a group; one without is said to be wrong where it stands.
  await dialog.getByRole("button", { name: "Add a value" }).click();
  await dialog.getByLabel("Value of the claim").fill("team/reviewers");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("Choose a group, or remove the line.").waitFor();
  await dialog.getByRole("button", { name: /^Groups of team\/reviewers/ }).click();
  await page.getByRole("checkbox", { name: /^Auditor/ }).check();
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "Groups of team/reviewers: Auditor" }).waitFor();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const [changed] = await providers();
  assert.deepEqual(changed, {
    ...made, name: "Northwind staff", scopes: ["email", "profile", "groups"], email_verified_claim: "xms_edov", groups_claim: "roles",
    group_mapping: { "team/reviewers": ["auditor"] }, authoritative_domains: ["example.org", "northwind.example"], enabled: false,
  });
  assert.equal(changed.has_client_secret, true, "who leaves the secret empty keeps it");
  // A public client has none.
  await page.getByRole("button", { name: "Change Northwind staff" }).click();
  await dialog.getByLabel("Forget it: the client is public").check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await providers())[0].has_client_secret, false);
  await page.getByRole("button", { name: "Copy for Northwind staff" }).click();
  await page.getByRole("menuitem", { name: "Redirect address" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), made.redirect_uri);
  await page.getByRole("button", { name: "Remove Northwind staff" }).click();
  await dialog.getByRole("button", { name: "Remove identity provider" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(await providers(), []);
});

test("who may only look is offered nothing to change, and told whom to ask", async () => {
  const auditor = await service.person("vera", ["auditor"]);
  await withPage(browser, service, "only looking", async (page) => {
    await signIn(page, auditor, "/orgs/demo/sign-in");
    await page.getByText(/You can look at this, not change it: .*Ask Priya Nair, administrator of Northwind Platform/).waitFor();
    for (const name of [/^Add /, /^Change/, /^Remove/, /^Save/, /^Create/, /^Revoke/]) assert.equal(await page.getByRole("button", { name }).count(), 0, String(name));
    await page.goto("/orgs/demo/on-prem-keys");
    await page.getByText(/Ask Priya Nair, .* the area ON-PREM-KEYS or the permission on_prem_keys_create/).waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Create|Change|Revoke)/ }).count(), 0);
  });
  const developer = await service.person("dan", ["developer"]);
  await withPage(browser, service, "no access", async (page) => {
    await signIn(page, developer, "/orgs/demo/audit-logs");
    await page.getByRole("heading", { name: "You do not have access to Audit logs" }).waitFor();
    await page.getByText(/Ask Priya Nair, administrator of Northwind Platform, for a role with the area LOG-MANAGEMENT or that permission, given to one of your groups/).waitFor();
  });
});

on("lists and the log are usable in a narrow window", async (page) => {
  await service.api("POST", "/v1/orgs/demo/on-prem-keys", { name: "Orders in Porto, second data center", environment: "production", networks: ["203.0.113.0/24"] });
  await page.goto("/orgs/demo/users");
  const { csrf_token } = await (await page.request.get("/v1/session")).json();
  const asked = { q: 'action:component.promote actor:"Priya Nair" project:payments -outcome:success', from: "-30d", format: "csv" };
  await page.request.post("/v1/orgs/demo/exports", { headers: { "x-csrf-token": csrf_token }, data: asked });
  const seen = {
    users: page.getByRole("link", { name: "Ana Sousa" }),
    "on-prem-keys": page.getByRole("button", { name: /^Revoke key Orders in Porto/ }),
    exports: page.getByRole("link", { name: /^Download/ }),
  };
  for (const [path, what] of Object.entries(seen)) {
    await page.goto(`/orgs/demo/${path}`);
    await what.waitFor();
    const cut = await page.evaluate(() => [...document.querySelectorAll(".table-scroll, .table-scroll *")].filter((one) => one.getBoundingClientRect().right > window.innerWidth).length);
    assert.equal(cut, 0, `${path}: nothing is cut off at the right`);
    // A cell that leaves its text no room breaks it into a column of letters.
    const slim = await page.evaluate(() => [...document.querySelectorAll("td")].filter((one) => one.innerText.trim().length > 12 && one.getBoundingClientRect().width < 120).map((one) => one.innerText));
    assert.deepEqual(slim, [], path);
  }
  await page.getByRole("cell", { name: /^Ready, / }).waitFor();
  await page.goto("/orgs/demo/audit-logs?tz=utc&from=-7d");
  await (await rows(page)).first().waitFor();
  await page.getByRole("button", { name: "Share" }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\/orgs\/demo\/audit-logs\?/);
  // The calendar too.
  await page.getByRole("button", { name: /^Time: / }).click();
  await page.getByRole("grid", { name: /^\w+ \d{4}$/ }).waitFor();
  await page.getByRole("button", { name: "Show this time" }).scrollIntoViewIfNeeded();
  const wide = await page.locator(".popover").evaluate((panel) => [panel.scrollWidth - panel.clientWidth, window.innerWidth - panel.getBoundingClientRect().right]);
  assert.ok(wide[0] === 0 && wide[1] >= 0, String(wide));
}, { viewport: { width: 360, height: 740 } });
