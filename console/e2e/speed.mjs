// Measures the console in a browser against a log of many events, and writes what it found to bench/results/: how soon the
// list is there, how soon a changed criterion shows, how even scrolling through 100,000 rows is. `npm run speed` in console/;
// EVENTS says how many events the log has, RESULTS names another folder (`none`: nothing is written). Everything runs on one
// machine: the service and the browser share its cores.
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { launch, rows, Service, signIn, withBundle } from "./service.mjs";

const EVENTS = Number(process.env.EVENTS ?? 1_000_000);
const BATCH = 10_000;
const NAVIGATIONS = 21;
const CHANGES = 20;
const SCROLLED_ROWS = 100_000;
const CHANGE_MILLIS_MAX = 10_000;
/** Pixels of a step of scrolling: a quick turn of a wheel. */
const SCROLL_PIXELS = 3_000;
const SCROLL_MILLIS_MAX = 240_000;

const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const ACTIONS = ["component.deploy", "component.promote", "component.update", "component.redeploy", "user.create"];

/** Numbers that look random and are the same every time (mulberry32). */
function random(seed) {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Events of the past 20 hours, the same every time. */
function batch(number, now) {
  const next = random(number);
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

const commit = execFileSync("git", ["rev-parse", "--short=9", "HEAD"], { cwd: new URL(".", import.meta.url).pathname, encoding: "utf8" }).trim();
const loadBefore = Math.round(loadavg()[0] * 100) / 100;

async function machine() {
  return { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, memory_gb: Math.round(totalmem() / 1e9), kernel: release() };
}

/** What was found beside what is wanted. */
function table({ date, machine: on, browser: by, load_before, events, list_visible_ms, filter_change_ms, scrolling, javascript_gzip_bytes }) {
  const lines = [
    ["list visible after navigation, p50, ms", list_visible_ms.p50, 300, `p95 ${list_visible_ms.p95} of ${list_visible_ms.navigations}`],
    ["filter change to new rows, p50, ms", filter_change_ms.p50, 150, `p95 ${filter_change_ms.p95} of ${filter_change_ms.changes}`],
    [`a frame while ${scrolling.rows.toLocaleString("en")} rows are scrolled, p95, ms`, scrolling.frame_ms.p95, 50, `p50 ${scrolling.frame_ms.p50}, longest ${scrolling.frame_ms.max}, ${scrolling.frames} frames, ${scrolling.blank_frames} of them without rows`],
    ["JavaScript of the first view, gzip, bytes", javascript_gzip_bytes, 250_000, ""],
  ];
  return [
    `# The console on ${events.toLocaleString("en")} events`, "",
    `${date.slice(0, 16).replace("T", " ")} UTC, commit ${commit}, ${on.cores} cores of ${on.cpu}, ${on.memory_gb} GB, Linux ${on.kernel}, ${by} without a GPU; load before ${load_before}.`,
    "Service and browser share the machine; the browser has nothing in its cache but what the navigation before left.", "",
    "| | found | wanted at most | reached | |", "|---|---:|---:|---|---|",
    ...lines.map(([what, value, most, more]) => `| ${what} | ${value.toLocaleString("en")} | ${most.toLocaleString("en")} | ${value <= most ? "yes" : "NOT REACHED"} | ${more} |`), "",
  ].join("\n");
}

const [service, browser] = await Promise.all([Service.start(), launch()]);
try {
  await service.api("POST", "/v1/orgs", { slug: "load", name: "Load" });
  const person = await service.person("measurer", ["admin"], "load");
  const now = Date.now();
  for (let number = 0; number * BATCH < EVENTS; number++) await service.record("load", batch(number, now));
  await service.api("POST", "/v1/admin/seal");
  const context = await browser.newContext({ baseURL: service.url, viewport: { width: 1440, height: 860 } });
  await withBundle(context, service);
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
    changes.push(await page.evaluate(({ shown, longest }) => new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`no rows that are ${shown} within ${longest} ms`)), longest);
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
    }), { shown: word, longest: CHANGE_MILLIS_MAX }));
  }

  await page.goto("/orgs/load/audit-logs?tz=utc");
  await rows(page);
  await page.locator(".row").first().waitFor();
  const frames = await page.evaluate(({ target, pixels, longest }) => new Promise((resolve) => {
    const list = document.querySelector(".list");
    const times = [];
    // Frames in which the middle of the list showed no event: there was nothing to read while it went by.
    let blank = 0;
    const box = list.getBoundingClientRect();
    const empty = () => !document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)?.closest(".row, .list-day, .list-end");
    let last = performance.now();
    const begun = last;
    const turn = (at) => {
      times.push(at - last);
      last = at;
      if (empty()) blank++;
      const shown = Number([...document.querySelectorAll(".row")].at(-1)?.dataset.index ?? 0);
      if (shown >= target || at - begun > longest) resolve({ times: times.slice(1), shown, blank });
      else {
        list.scrollTop += pixels;
        requestAnimationFrame(turn);
      }
    };
    requestAnimationFrame(turn);
  }), { target: Math.min(SCROLLED_ROWS, EVENTS) - 1, pixels: SCROLL_PIXELS, longest: SCROLL_MILLIS_MAX });
  if (frames.shown < Math.min(SCROLLED_ROWS, EVENTS) - 1) throw new Error(`after ${SCROLL_MILLIS_MAX / 1_000} s of scrolling row ${frames.shown} was shown`);
  // The bundle's files as they are sent: gzip, as most proxies and the oldest browsers take them.
  const scripts = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => name.endsWith(".js")));
  let javascript = 0;
  for (const script of scripts) {
    const text = await page.evaluate(async (address) => (await fetch(address)).text(), script);
    javascript += gzipSync(text, { level: 9 }).length;
  }

  const ms = (values, q) => Math.round(quantile(values, q) * 10) / 10;
  const found = {
    date: new Date().toISOString(), commit, machine: await machine(), browser: `Chromium ${browser.version()}`, load_before: loadBefore, events: EVENTS,
    list_visible_ms: { navigations: visible.length, p50: ms(visible, 0.5), p95: ms(visible, 0.95) },
    filter_change_ms: { changes: changes.length, p50: ms(changes, 0.5), p95: ms(changes, 0.95) },
    scrolling: { rows: frames.shown, frames: frames.times.length, blank_frames: frames.blank, frame_ms: { p50: ms(frames.times, 0.5), p95: ms(frames.times, 0.95), max: ms(frames.times, 1) } },
    javascript_gzip_bytes: javascript,
  };
  const told = table(found);
  console.log(told);
  if (process.env.RESULTS !== "none") {
    const folder = process.env.RESULTS ?? new URL("../../bench/results/", import.meta.url).pathname;
    await mkdir(folder, { recursive: true });
    const name = join(folder, `${found.date.slice(0, 10)}-${commit}-console-${EVENTS}`);
    await writeFile(`${name}.json`, `${JSON.stringify(found, null, 1)}\n`);
    await writeFile(`${name}.md`, told);
  }
} finally {
  await browser.close();
  await service.stop();
}
