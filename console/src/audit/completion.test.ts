import { describe, expect, it } from "vitest";

import { atCursor, coloured, offeredFields, offeredValues, taking } from "./completion";

describe("completion", () => {
  it("knows what is being typed", () => {
    expect(atCursor("orders act", 10)).toMatchObject({ field: null, typed: "act", start: 7 });
    expect(atCursor("-outcome:den", 12)).toMatchObject({ field: "outcome", typed: "den", negated: true });
    expect(atCursor("outcome:denied,fa", 17)).toMatchObject({ typed: "fa", valueStart: 15 });
    expect(atCursor('actor:"Ada Lo', 13)).toBeNull();
    expect(atCursor("(actor:a", 8)).toMatchObject({ field: "actor", typed: "a" });
  });
  it("offers fields and values", () => {
    expect(offeredFields("act").map((offer) => offer.text)).toEqual(["actor:", "action:", "actor_type:"]);
    expect(offeredFields("")).toEqual([]);
    const values = [{ value: "u1", name: "Ada Lovelace", hint: "3" }, { value: "loom", hint: "2" }];
    expect(offeredValues(values, "lo").map((offer) => offer.insert)).toEqual(["loom", '"Ada Lovelace"']);
  });
  it("puts an offer where the cursor is", () => {
    const text = "orders outcome:den x";
    const at = atCursor(text, 18);
    expect(at && taking(text, at, { text: "denied", insert: "denied", hint: "", goesOn: false })).toEqual({ text: "orders outcome:denied x", cursor: 22 });
    const field = atCursor("-act", 4);
    expect(field && taking("-act", field, { text: "actor:", insert: "actor:", hint: "", goesOn: true })).toEqual({ text: "-actor:", cursor: 7 });
  });
  it("colours every character once", () => {
    for (const text of ['actor:ada -outcome:success "release candidate" OR (a b)', "-", '"open', "a:b:c,d", "metadata.build:17 --x"]) {
      expect(coloured(text).map((run) => run.text).join("")).toBe(text);
    }
  });
});
