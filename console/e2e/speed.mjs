// Measures the console in a browser against a log of many events, and writes what it found to bench/results/: how soon the
// list is there, how soon a changed criterion shows, how even scrolling through 100,000 rows is. `npm run speed` in console/;
// EVENTS says how many events the log has.
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";

import { launch, rows, Service, signIn } from "./service.mjs";

const EVENTS = Number(process.env.EVENTS ?? 1_000_000);
const BATCH = 10_000;
const NAVIGATIONS = 21;
const CHANGES = 20;
const SCROLLED_ROWS = 100_000;
const BOUNDS = { list_visible_p50_ms: 300, filter_change_p50_ms: 150, frame_p95_ms: 50, javascript_gzip_bytes: 250_000 };

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const ACTIONS = ["component.deploy", "component.promote", "component.update", "component.redeploy", "user.create"];

/** Events of the past 20 hours, the same every time. */
function batch(number, now) {
  let seed = number * 7_919 + 17;
  const next = (below) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  return Array.from({ length: BATCH }, (_, index) => {
    const at = new Date(now - 72_000_000 + ((number * BATCH + index) / EVENTS) * 71_000_000);
    const component = `component-${next(400)}`;
    return {
      occurred_at: at.toISOString(), action: ACTIONS[next(ACTIONS.length)], outcome: next(40) === 0 ? "denied" : next(25) === 0 ? "failure" : "success",
      actor: { type: "user", id: `u-${next(300)}`, name: `Person ${next(300)}` },
      targets: [{ type: "component", id: component }, { type: "project", id: `project-${next(30)}` }, { type: "environment", id: "production" }],
      context: { ip: `10.${next(200)}.${next(200)}.${next(200)}`, request_id: `req-${number}-${index}` },
    };
  });
}

const [service, browser] = await Promise.all([Service.start(), launch()]);
try {
  await service.api("POST", "/v1/orgs", { slug: "load", name: "Load" });
  const person = await service.person("measurer", ["admin"], "load");
  const now = Date.now();
  for (let number = 0; number * BATCH < EVENTS; number++) await service.record("load", batch(number, now));
  await service.api("POST", "/v1/admin/seal");
  const context = await browser.newContext({ baseURL: service.url, viewport: { width: 1440, height: 860 } });
  await context.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector(".row")) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.listVisible = performance.now())));
    }).observe(document, { childList: true, subtree: true });
  });
  const page = await context.newPage();
  await signIn(page, person);

  const visible = [];
  for (let turn = 0; turn < NAVIGATIONS; turn++) {
    await page.goto("/orgs/load/audit-logs?tz=utc");
    await page.waitForFunction(() => window.listVisible);
    visible.push(await page.evaluate(() => window.listVisible));
  }

  await rows(page);
  const changes = [];
  for (let turn = 0; turn < CHANGES; turn++) {
    const [outcome, word] = turn % 2 === 0 ? ["denied", "denied"] : ["failure", "failed"];
    const box = page.getByRole("combobox", { name: "Search phrase" });
    await box.fill(`outcome:${outcome} project:project-${turn}`);
    changes.push(await page.evaluate((shown) => new Promise((resolve) => {
      const begun = performance.now();
      const there = () => {
        const all = [...document.querySelectorAll(".row .outcome")];
        return all.length > 0 && all.every((one) => one.textContent === shown);
      };
      const observer = new MutationObserver(() => {
        if (!there()) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
      });
      observer.observe(document.body, { childList: true, subtree: true, characterData: true });
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    }), word));
  }

  await page.goto("/orgs/load/audit-logs?tz=utc");
  await rows(page);
  await page.locator(".row").first().waitFor();
  const frames = await page.evaluate((target) => new Promise((resolve) => {
    const list = document.querySelector(".list");
    const times = [];
    let last = performance.now();
    const begun = last;
    const turn = (at) => {
      times.push(at - last);
      last = at;
      const shown = Number([...document.querySelectorAll(".row")].at(-1)?.dataset.index ?? 0);
      if (shown >= target || at - begun > 240_000) resolve({ times: times.slice(1), shown });
      else {
        list.scrollTop += 3_000;
        requestAnimationFrame(turn);
      }
    };
    requestAnimationFrame(turn);
  }), Math.min(SCROLLED_ROWS, EVENTS) - 1_000);
  const javascript = await page.evaluate(async () => {
    let bytes = 0;
    for (const entry of performance.getEntriesByType("resource")) if (entry.name.endsWith(".js")) bytes += entry.encodedBodySize;
    return bytes;
  });

  const found = {
    events: EVENTS, cores: cpus().length, browser: browser.version(),
    list_visible_p50_ms: Math.round(quantile(visible, 0.5)), list_visible_p95_ms: Math.round(quantile(visible, 0.95)),
    filter_change_p50_ms: Math.round(quantile(changes, 0.5)), filter_change_p95_ms: Math.round(quantile(changes, 0.95)),
    scrolled_rows: frames.shown, frames: frames.times.length,
    frame_p50_ms: Math.round(quantile(frames.times, 0.5)), frame_p95_ms: Math.round(quantile(frames.times, 0.95)), frame_max_ms: Math.round(Math.max(...frames.times)),
    javascript_transferred_bytes: javascript, bounds: BOUNDS,
  };
  console.log(JSON.stringify(found, null, 2));
  if (process.env.RESULT) {
    await mkdir(new URL("../../bench/results/", import.meta.url), { recursive: true });
    await writeFile(new URL(`../../bench/results/${process.env.RESULT}`, import.meta.url), `${JSON.stringify(found, null, 2)}\n`);
  }
} finally {
  await browser.close();
  await service.stop();
}
