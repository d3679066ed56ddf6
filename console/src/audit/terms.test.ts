import { describe, expect, it } from "vitest";

import { adding, chosen, hasWords, phrase, print, quoted, read, removing, typedTarget, unphrase, type Term } from "./terms";

const term = (field: string, values: string[], negated = false): Term => ({ field, values, negated });

describe("terms", () => {
  it("are read as they were printed", () => {
    const terms = [
      term("outcome", ["failure", "denied"]),
      term("project", ["payments"], true),
      term("actor", ["Ada Lovelace", 'say "hi" \\ there', "a,b", "-x", "OR"]),
      term("target", [typedTarget("component", "orders-api"), typedTarget("AWS::S3::Bucket", "arn:aws:s3:::logs"), "plain"]),
      term("ip", ["2001:db8::/32"]),
      term("action", ["component.*"]),
      term("metadata.build", ["17"]),
      term("actor", ["a\nb", "\u202Egnp"]),
    ];
    for (const one of terms) expect(read(print(one)), print(one)).toEqual(one);
  });
  it("are quoted only where it matters", () => {
    expect(quoted("ada@example.com")).toBe("ada@example.com");
    expect(quoted("Ada L")).toBe('"Ada L"');
    expect(quoted("a*b")).toBe('"a*b"');
    expect(print(term("target", [typedTarget("component", "a:b")]))).toBe('target:component:"a:b"');
  });
  it("refuse what is no term", () => {
    for (const text of ["", "orders", "outcome:", 'actor:"open', "actor:a b", "ACTOR:x", "actor:(a OR b)"]) expect(read(text), text).toBeNull();
  });
  it("take values and give them back", () => {
    let terms = adding([], "outcome", "denied", false);
    terms = adding(terms, "outcome", "failure", false);
    expect(terms.map(print)).toEqual(["outcome:denied,failure"]);
    terms = adding(terms, "outcome", "denied", true);
    expect(terms.map(print)).toEqual(["outcome:failure", "-outcome:denied"]);
    expect(chosen(terms, "outcome", true)).toEqual(["denied"]);
    expect(removing(removing(terms, "outcome", "denied"), "outcome", "failure")).toEqual([]);
  });
  it("are found again in a phrase", () => {
    const chips = [term("outcome", ["denied", "failure"]), term("project", ["a b"], true)];
    const { text } = phrase('orders "release candidate" metadata:x', chips);
    expect(unphrase(text)).toEqual({ typed: 'orders "release candidate" metadata:x', terms: chips });
    for (const whole of ["a OR outcome:denied", "(outcome:denied)", "NOT outcome:denied", 'actor:"open']) expect(unphrase(whole), whole).toEqual({ typed: whole, terms: [] });
    expect(unphrase('actor:"A OR (B)"')).toEqual({ typed: "", terms: [term("actor", ["A OR (B)"])] });
    expect(unphrase("")).toEqual({ typed: "", terms: [] });
  });
  it("make one phrase with what was typed", () => {
    const chips = [term("outcome", ["denied"])];
    expect(phrase(" orders ", chips)).toEqual({ text: "orders outcome:denied", typedAt: 0 });
    expect(phrase("a OR b", chips)).toEqual({ text: "(a OR b) outcome:denied", typedAt: 1 });
    expect(phrase("ORDERS", chips).typedAt).toBe(0);
    expect(phrase("", [])).toEqual({ text: "", typedAt: 0 });
  });
  it("are told from words", () => {
    for (const words of ["orders", '"release candidate"', "outcome:denied orders", "-outcome:success (a OR project:b)", "-orders"]) expect(hasWords(words), words).toBe(true);
    for (const none of ["", "outcome:denied", 'actor:"Ana Sousa" -action:component.*', "(outcome:denied OR outcome:failure)", 'metadata.build:17 target:component:"a b"']) expect(hasWords(none), none).toBe(false);
  });
});
