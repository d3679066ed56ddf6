import { expect, test } from "vitest";

import type { Found } from "./queries";
import { eventIdsOf, foundLines, listOf, partsText, subjectOf } from "./words";

const NONE: Found = { events: 0, identity: 0, personal: 0, detail: 0, journal: 0, hot: 0, archive: 0, naming_records: 0, kept_own: 0, saved_searches: 0, searches_to_review: 0, held: 0, already: 0 };

test("an id alone is a user's", () => {
  expect(subjectOf(" usr_1 ")).toBe("user:usr_1");
  expect(subjectOf("invitation:inv_1")).toBe("invitation:inv_1");
  expect(subjectOf("  ")).toBe("");
});

test("ids of events are found in links, each once", () => {
  const [one, other] = ["01939c3e-0000-7000-8000-00000000abcd", "01939c3e-0000-7000-8000-00000000abce"];
  const link = `https://audit.example/orgs/demo/audit-logs?tz=utc&event=${one}`;
  expect(eventIdsOf(`${link}\n${one.toUpperCase()}, ${other} and no more`)).toEqual([one, other]);
  expect(eventIdsOf("nothing 0193")).toEqual([]);
});

test("lists are by line or comma", () => {
  expect(listOf("iban, card\n iban\n\n")).toEqual(["iban", "card"]);
});

test("parts are named in one order", () => {
  expect(partsText(["detail", "personal"])).toBe("personal, detail");
});

test("only what was found is told", () => {
  expect(foundLines(NONE)).toEqual([]);
  const lines = foundLines({ ...NONE, events: 1_200, personal: 1_200, journal: 100, hot: 1_000, archive: 100, held: 3 });
  expect(lines.map((line) => line.count)).toEqual([1_200, 1_200, 3]);
  expect(lines[0]?.text).toBe("events lose something: 1,100 at hand, 100 in the archive");
  expect(lines[2]?.grave).toBe(true);
});
