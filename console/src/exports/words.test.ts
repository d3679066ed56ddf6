import { expect, test } from "vitest";

import type { KeptExport } from "./queries";
import { share, timeLeft, told } from "./words";

const running = (progress: KeptExport["progress"]): KeptExport => ({
  id: "export_1", state: "running", format: "csv", complete: false, q: null, from: null, to: null, size: 9, events: 2000, bytes: null, file: "a.csv",
  progress, detail: null, owner: null, downloadable: false, created_at: "2026-01-01T00:00:00Z", finished_at: null, expires_at: null,
});

test("progress is told as far as it is known", () => {
  expect(told(running({ done: 500, total: 2000, bytes: 7, seconds_left: 90 }))).toBe("500 of 2,000 events, about 2 minutes left");
  expect(told(running({ done: 0, total: 2000, bytes: 0, seconds_left: null }))).toBe("0 of 2,000 events");
  expect(told(running({ done: 1500, total: null, bytes: 7, seconds_left: null }))).toBe("1,500 events");
  expect(told(running(null))).toBe("Waits for its turn");
  expect(share(running({ done: 500, total: 2000, bytes: 7, seconds_left: 90 }))).toBe(0.25);
  expect(share(running({ done: 500, total: null, bytes: 7, seconds_left: null }))).toBeNull();
  expect([5, 60, 3599, 7200].map(timeLeft)).toEqual(["less than a minute left", "about 1 minute left", "about 1 hour left", "about 2 hours left"]);
});
