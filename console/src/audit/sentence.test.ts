import { describe, expect, it } from "vitest";

import type { AuditEvent } from "./event";
import { Catalog, textOf, type CatalogAction } from "./sentence";

const promote: CatalogAction = {
  action: "component.promote", family: "promotion", title: "Promote component", operation: "", resource: "component", reserved: false,
  verb: { base: "promote", past: "promoted", gerund: "promoting" },
  phrase: "{component}[ from {metadata.from}][ to {environment}]", metadata: [],
};
const update: CatalogAction = { ...promote, action: "component.update", verb: { base: "update", past: "updated", gerund: "updating" }, phrase: "{component}[ ({changes})]" };
const catalog = new Catalog([{ family: "f", title: "F", summary: "", actions: [promote, update] }]);

function event(over: Partial<AuditEvent>): AuditEvent {
  return {
    id: "01942f3a-7b5c-7123-8000-000000abcdef", seq: 1, organization: "demo", recorded_at: "2026-01-01T00:00:00Z",
    occurred_at: "2026-01-01T00:00:00Z", action: "component.promote", outcome: "success", source: "api",
    actor: { type: "user", id: "u1", name: "Ada" },
    targets: [{ type: "component", id: "orders-api" }, { type: "environment", id: "production" }],
    ...over,
  };
}

describe("sentences", () => {
  it("say what happened, by outcome", () => {
    const said = (outcome: AuditEvent["outcome"]) => textOf(catalog.sentence(event({ outcome })));
    expect(said("success")).toBe("Ada promoted orders-api to production");
    expect(said("failure")).toBe("Ada failed to promote orders-api to production");
    expect(said("denied")).toBe("Ada was denied promoting orders-api to production");
    expect(said("unknown")).toBe("Ada tried to promote orders-api to production (outcome unknown)");
  });
  it("are rows without their subject", () => {
    expect(textOf(catalog.row(event({ metadata: { from: "staging" } })))).toBe("promote orders-api from staging to production");
    expect(catalog.row(event({}))[0]).toEqual({ role: "verb", text: "promote" });
  });
  it("name who it was done for, and few of many changes", () => {
    const actor = { type: "agent" as const, id: "bot", on_behalf_of: { type: "user" as const, id: "u1", name: "Ada" } };
    expect(textOf(catalog.sentence(event({ actor })))).toMatch(/^bot on behalf of Ada promoted/);
    const changes = ["/a", "/b", "/c", "/d"].map((path) => ({ path }));
    expect(textOf(catalog.row(event({ action: "component.update", changes })))).toBe("update orders-api (/a, /b and 2 more)");
  });
  it("tell an action that no catalog knows by its name", () => {
    const other = event({ action: "ec2.run", targets: [{ type: "x", id: "i-1", name: "web" }] });
    expect(textOf(catalog.sentence(other))).toBe("Ada performed ec2.run on web");
    expect(textOf(catalog.row(other))).toBe("ec2.run on web");
  });
  it("never read a value as a template", () => {
    const sly = event({ targets: [{ type: "component", id: "{actor}[x]" }] });
    expect(textOf(catalog.row(sly))).toBe("promote {actor}[x]");
  });
});
