// A running service with the demo organization for the browser tests, and a browser that looks at it. Whatever the browser
// complains about on the way (a script error, something that the content security policy forbade) fails the test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

const RESULTS = new URL(".results/", import.meta.url).pathname;
export const BINARY = process.env.ACTARIUM_BIN ?? new URL("../../bin/actarium", import.meta.url).pathname;
/** A bundle that stands in for the one in the binary, so that it can be tested without building the binary anew. */
const BUNDLE = process.env.CONSOLE_DIST;
const START_MILLIS_MAX = 120_000;
/** The password of the people that tests make. */
export const PASSWORD = "violet-umbrella-71-quay";

export class Service {
  /** Starts the service on a free port, over a new folder: with the demo organization, or with nothing. */
  static async start({ arguments: more = [], demo = true, folder: known } = {}) {
    const folder = known ?? (await mkdtemp(join(tmpdir(), "actarium-console-")));
    const service = new Service();
    service.folder = folder;
    service.process = spawn(BINARY, ["serve", "--data-dir", join(folder, "data"), ...(more.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"]), ...(demo ? ["--demo"] : []), ...more], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    service.process.stderr.on("data", (bytes) => (log = (log + bytes).slice(-20_000)));
    service.ended = new Promise((resolve) => service.process.once("exit", resolve));
    service.process.once("error", (error) => (log += `${BINARY}: ${error.message}`));
    const listening = (async () => {
      for await (const line of createInterface({ input: service.process.stdout })) {
        const found = /^listening on (http:\S+)/.exec(line);
        if (found) return found[1];
      }
      throw new Error(`the service did not start:\n${log}`);
    })();
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`the service does not listen:\n${log}`)), START_MILLIS_MAX)));
    service.url = await Promise.race([listening, late]).finally(() => clearTimeout(timer));
    service.token = (await readFile(join(folder, "data/operator.token"), "utf8")).trim();
    if (!demo) return service;
    const [email, password] = (await readFile(join(folder, "data/demo.password"), "utf8")).trim().split("\n");
    service.administrator = { email, password };
    return service;
  }

  /** Ends the process; its folder stays for another one. */
  async end() {
    this.process.kill("SIGTERM");
    await this.ended;
  }

  async stop() {
    await this.end();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The API's answer to the operator, as JSON. */
  async api(method, path, body, token = this.token) {
    const headers = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(this.url + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Records events into an organization, with a key of it. */
  async record(org, events) {
    this.keys ??= new Map();
    if (!this.keys.has(org)) this.keys.set(org, (await this.api("POST", `/v1/orgs/${org}/on-prem-keys`, { name: "tests" })).secret);
    return this.api("POST", `/v1/orgs/${org}/events`, events, this.keys.get(org));
  }

  /** Somebody with an account and a password, in these groups. */
  async person(login, groups, org = "demo") {
    const email = `${login}@people.example`;
    const made = await this.api("POST", `/v1/orgs/${org}/users`, { email, name: login, password: PASSWORD, groups });
    return { id: made.id, email, password: PASSWORD };
  }

  /** How many events a search finds. */
  async count(org, query) {
    const histogram = await this.api("GET", `/v1/orgs/${org}/events/histogram?${new URLSearchParams({ to: "now", ...query })}`);
    return histogram.buckets.reduce((sum, bucket) => sum + bucket.total, 0);
  }
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
    ],
  });
}

/** Gives the pages of a browser the files of `CONSOLE_DIST`, under the headers that the service gives its own. */
export async function withBundle(context, service) {
  if (!BUNDLE) return;
  const { headers } = await fetch(service.url, { headers: { accept: "text/html" } });
  // A binary without a bundle has no headers for one.
  const kept = !/script-src/.test(headers.get("content-security-policy")) ? {} : Object.fromEntries([...headers].filter(([name]) => !/^(content-|etag|vary|transfer-)/.test(name) || name === "content-security-policy"));
  const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml", woff2: "font/woff2", html: "text/html; charset=utf-8" };
  // A provider that people sign in through has pages of its own.
  await context.route((url) => url.origin === service.url, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.startsWith("/v1/") || pathname.endsWith(".json")) return route.fallback();
    const name = /^\/(assets\/.*|favicon\.svg)$/.exec(pathname)?.[1] ?? "index.html";
    const body = await readFile(join(BUNDLE, name)).catch(() => null);
    return body ? route.fulfill({ body, headers: { ...kept, "content-type": types[name.split(".").pop()] } }) : route.fulfill({ status: 404 });
  });
}

/** A page of a fresh browser; `run` is given it, and what it complained about fails the test. */
export async function withPage(browser, service, name, run, { allowed = [], ...options } = {}) {
  const context = await browser.newContext({
    baseURL: service.url, viewport: { width: 1440, height: 860 }, timezoneId: "UTC", locale: "en-GB", acceptDownloads: true, ...options,
  });
  await withBundle(context, service);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: service.url });
  await context.tracing.start({ screenshots: true, snapshots: true });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // Answers that are refusals on purpose are told by the browser as errors too.
    if (message.type() === "error" && !/Failed to load resource: the server responded with a status of 4/.test(message.text())) complaints.push(message.text());
  });
  try {
    await run(page, context);
    assert.deepEqual(complaints.filter((text) => !allowed.some((one) => one.test(text))), []);
    await context.tracing.stop();
  } catch (error) {
    await mkdir(RESULTS, { recursive: true });
    const file = join(RESULTS, name.replace(/\W+/g, "-"));
    await page.screenshot({ path: `${file}.png` }).catch(() => undefined);
    await context.tracing.stop({ path: `${file}.zip` }).catch(() => undefined);
    error.message += `\n(picture and trace: ${file}.{png,zip}; complaints: ${complaints.join(" | ") || "none"})`;
    throw error;
  } finally {
    await context.close();
  }
}

export async function signIn(page, { email, password }, path = "/") {
  await page.goto(path);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: /your account/ }).waitFor();
}

/** Waits until the list shows rows of the present search. */
export async function rows(page) {
  await page.locator(".audit-list[aria-busy=false]").waitFor();
  return page.locator(".row");
}

/** The service of a file's tests, and the browser that looks at it: there from before the first of them until after the last. */
/** Waits until what has the focus is called this, and stays so. */
export async function focused(page, role, name) {
  const expected = page.getByRole(role, { name });
  const has = () => expected.evaluateAll((all) => all.includes(document.activeElement));
  for (let tries = 0; tries < 100 && !(await has()); tries++) await page.waitForTimeout(50);
  // Whatever else moves the focus, does it within a moment.
  await page.waitForTimeout(150);
  const where = await page.evaluate(() => document.activeElement?.outerHTML.replace(/>[^]*/, ">"));
  assert.ok(await has(), `${role} ${name} has the focus, not ${where}`);
}

export let service;
export let browser;

/** `prepare` runs when both are there: hooks of a file do not wait for one another. */
export function serviceAndBrowser(options = {}, prepare = async () => {}) {
  before(async () => {
    [service, browser] = await Promise.all([Service.start(options), launch()]);
    await prepare();
  });
  after(async () => {
    await browser?.close();
    await service?.stop();
  });
}

/** What a browser keeps of the administrator's signing in, so that tests need not do it again. */
export async function administratorState() {
  const context = await browser.newContext({ baseURL: service.url });
  await withBundle(context, service);
  await signIn(await context.newPage(), service.administrator);
  const state = await context.storageState();
  await context.close();
  return state;
}
