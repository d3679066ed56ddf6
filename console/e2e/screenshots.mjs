// Makes the pictures of docs/CONSOLE.md and README.md, of a fresh demo organization: `npm run screenshots` in console/.
// Another folder than docs/console can be given, and behind it the names of the pictures to make.
import { mkdir } from "node:fs/promises";

import { launch, rows, Service, signIn, withBundle } from "./service.mjs";

const folder = process.argv[2] ?? new URL("../../docs/console/", import.meta.url).pathname;
const WIDE = { width: 1280, height: 760 };
const NARROW = { width: 380, height: 720 };
const LOG = "/orgs/demo/audit-logs";
const PROBLEMS = `${LOG}?tz=utc&from=-30d&q=${encodeURIComponent("action:component.* -outcome:success")}&f=project:payments`;

async function openEvent(page, at) {
  // At its time: what stands in the middle of a row may be a link of its own.
  await (await rows(page)).nth(at).locator("time").click();
  await page.locator(".event-facts h2").waitFor();
  await page.mouse.move(6, 400);
}

/** Makes something in the demo organization, as who is signed in on the page. */
async function post(page, path, data) {
  const { csrf_token } = await (await page.request.get("/v1/session")).json();
  return (await page.request.post(`/v1/orgs/demo/${path}`, { headers: { "x-csrf-token": csrf_token }, data })).json();
}

let invitation;
/** The person that an erasure is asked for, and that erasure. */
let erased;
let erasure;
const PICTURES = [
  ["sign-in", "/sign-in", "light", { width: 720, height: 520 }, async (page) => page.getByLabel("Password").waitFor(), false],
  ["audit-logs-light", PROBLEMS, "light", WIDE, (page) => openEvent(page, 1)],
  ["audit-logs-dark", PROBLEMS, "dark", WIDE, (page) => openEvent(page, 1)],
  ["audit-logs-narrow", `${LOG}?tz=utc&from=-7d&f=source:api`, "light", NARROW, rows],
  ["find-a-user", `${LOG}?tz=utc&from=-7d&f=${encodeURIComponent('actor:"Ana Sousa"')}&counts=1`, "light", WIDE, async (page) => {
    await page.getByRole("region", { name: "Counts" }).getByRole("group", { name: "Action" }).waitFor();
  }],
  ["complete", `${LOG}?tz=utc&from=-90d`, "light", { width: 1280, height: 460 }, async (page) => {
    await rows(page);
    await page.keyboard.press("/");
    await page.keyboard.type("-outcome:success action:comp");
    await page.getByRole("option").first().waitFor();
  }],
  ["around", `${LOG}?tz=utc&from=-30d&q=action:component.promote&f=outcome:denied`, "light", WIDE, async (page) => {
    await openEvent(page, 0);
    await page.getByRole("tab", { name: "Around it" }).click();
    await page.locator(".around-row").first().waitFor();
  }],
  ["proof", `${LOG}?tz=utc&from=-30d&q=action:component.promote&f=outcome:denied`, "light", WIDE, async (page) => {
    await openEvent(page, 0);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.locator(".checks-lines").waitFor();
    await page.locator(".drawer-event").evaluate((drawer) => drawer.scrollTo({ top: drawer.scrollHeight }));
  }],
  ["saved-searches", `${LOG}?tz=utc&from=-7d&f=outcome:denied`, "light", { width: 1280, height: 460 }, async (page) => {
    for (const [name, q, from, visibility] of [
      ["Denied this week", "outcome:denied", "-7d", "organization"],
      ["Roles and who has them", "action:role.*,group.role.*", "-30d", "organization"],
      ["My deployments", 'action:component.deploy actor:"Priya Natarajan"', "-24h", "personal"],
    ]) {
      await post(page, "saved-searches", { name, q, from, visibility });
    }
    await (await rows(page)).first().waitFor();
    await page.keyboard.press("s");
    await page.getByRole("button", { name: /^Denied this week/ }).waitFor();
  }],
  ["time", `${LOG}?tz=utc&from=-30d`, "light", { width: 1280, height: 420 }, async (page) => {
    await rows(page);
    await page.getByRole("button", { name: /^Time: / }).click();
    await page.getByRole("button", { name: "Month before" }).click();
    const days = page.locator(".day:not(.day-beside) button");
    await days.nth(4).click();
    await days.nth(15).click();
  }],
  ["identity-provider", "/orgs/demo/sign-in", "light", { width: 1280, height: 800 }, async (page) => {
    await post(page, "identity-providers", {
      name: "Northwind staff", issuer: "https://login.northwind.example/realms/staff", client_id: "actarium", client_secret: "of-the-pictures",
      scopes: ["email", "profile", "groups"], authoritative_domains: ["northwind.example"],
      group_mapping: { "audit-team": ["auditor"], "sre-oncall": ["platform-engineer"] },
    });
    await page.reload();
    await page.getByRole("button", { name: "Change Northwind staff" }).click();
    await page.getByRole("button", { name: "Groups of sre-oncall: Platform Engineer" }).waitFor();
  }],
  ["integrity", "/orgs/demo/integrity", "light", { width: 1280, height: 1020 }, async (page) => {
    await page.locator(".checks-lines").waitFor();
    await page.reload();
    await page.locator(".checks-lines").waitFor();
  }],
  ["retention", "/orgs/demo/retention", "light", { width: 1280, height: 620 }, async (page) => {
    // Placed this late, because every event that they hold says so.
    const day = new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 11);
    await post(page, "legal-holds", { reason: "Refund inquiry, case 2026-114", actor: "ana.sousa@northwind.example", from: `${day}00:00:00Z` });
    await post(page, "legal-holds", { reason: "Audit of payments by the regulator", q: "action:component.* project:payments" });
    await page.reload();
    await page.getByText("Refund inquiry, case 2026-114").waitFor();
    await page.getByText(/^[1-9][\d,]* events/).first().waitFor();
  }],
  ["retention-change", "/orgs/demo/retention", "light", { width: 1280, height: 620 }, async (page) => {
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await page.getByLabel("Days at hand").fill("180");
    await page.getByLabel("Days in the archive, after that").fill("365");
  }],
  ["retention-narrow", "/orgs/demo/retention", "dark", NARROW, async (page) => {
    await page.getByText(/^[1-9][\d,]* events/).first().waitFor();
  }],
  ["erasure-count", "", "light", { width: 1280, height: 700 }, async (page) => {
    await page.goto(`/orgs/demo/erasures?erase=user:${erased}`);
    await page.getByRole("dialog").getByRole("button", { name: "Count" }).click();
    await page.getByRole("dialog").getByLabel("Reason", { exact: true }).fill("Request under article 17, ticket 481");
  }],
  ["erasure", "", "light", { width: 1280, height: 700 }, async (page) => {
    await page.goto(`/orgs/demo/erasures/${erasure}`);
    await page.getByRole("region", { name: "Who can approve it" }).getByRole("link").first().waitFor();
  }],
  ["invitation", "", "light", { width: 720, height: 520 }, async (page) => {
    const { pathname, hash } = new URL(invitation);
    await page.goto(pathname + hash);
    await page.getByRole("heading", { name: /^Join/ }).waitFor();
  }, false],
  ["setup", "/setup", "light", { width: 720, height: 700 }, async (page) => page.getByLabel("Operator’s token").waitFor(), false],
  ["give-access", "/orgs/demo/groups/auditor/roles", "light", { width: 1280, height: 460 }, async (page) => {
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(800);
  }],
  ["export", `${LOG}?tz=utc&from=-30d&q=outcome:denied`, "light", { width: 1280, height: 560 }, async (page) => {
    await rows(page);
    await page.getByRole("button", { name: "Export" }).click();
    await page.getByRole("button", { name: /^Export [\d,]+ events?$/ }).waitFor();
  }],
  ["exports", "/orgs/demo/exports", "light", { width: 1280, height: 420 }, async (page) => {
    for (const [q, format] of [["outcome:denied", "csv"], ["action:component.promote", "proof"], ["action:group.role.*", "ndjson"]]) {
      await post(page, "exports", { q, from: "-30d", format });
    }
    await page.reload();
    await page.getByRole("link", { name: /download/i }).nth(2).waitFor();
    // Without the news that they are ready.
    await page.reload();
    await page.getByRole("link", { name: /download/i }).nth(2).waitFor();
  }],
];

await mkdir(folder, { recursive: true });
const [service, browser] = await Promise.all([Service.start({ arguments: ["--hot-days-min", "90", "--archive-days-min", "90"] }), launch()]);
try {
  const first = await browser.newContext({ baseURL: service.url });
  await withBundle(first, service);
  const page = await first.newPage();
  await signIn(page, service.administrator);
  invitation = (await post(page, "invitations", { email: "eve@northwind.example", name: "Eve Martin", groups: ["auditor"] })).link;
  await service.api("POST", "/v1/orgs/demo/users", { email: "rosa.lind@northwind.example", name: "Rosa Lind", groups: ["admin"] });
  erased = (await service.api("GET", "/v1/orgs/demo/users?search=tomas.rey")).users[0].id;
  erasure = (await post(page, "erasures", { subject: `user:${erased}`, parts: ["personal"], reason: "Request under article 17, ticket 481" })).id;
  const storageState = await first.storageState();
  await first.close();
  const wanted = process.argv.slice(3);
  for (const [name, path, colorScheme, viewport, prepare, signedIn = true] of PICTURES) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const context = await browser.newContext({
      baseURL: service.url, colorScheme, viewport, timezoneId: "UTC", locale: "en-GB", storageState: signedIn ? storageState : undefined,
    });
    await withBundle(context, service);
    const page = await context.newPage();
    await page.goto(path);
    await prepare(page);
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(400);
    await page.screenshot({ path: `${folder}/${name}.png` });
    console.log(`${name}.png`);
    await context.close();
  }
} finally {
  await browser.close();
  await service.stop();
}
