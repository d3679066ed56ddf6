import { describe, expect, it } from "vitest";

import { clipped, hasUnseen, plain, runs } from "./unseen";

describe("unseen characters", () => {
  it("are named, and the rest stays", () => {
    expect(plain("user\u202Egnp.exe")).toBe("user⟨RLO⟩gnp.exe");
    expect(plain("\u001b[31mred")).toBe("⟨ESC⟩[31mred");
    expect(plain("a\u0000b\u200bc\ufeff")).toBe("a⟨NUL⟩b⟨ZWSP⟩c⟨BOM⟩");
    expect(plain("x\u{e0041}y")).toBe("x⟨U+E0041⟩y");
  });
  it("leave ordinary texts alone", () => {
    for (const text of ["Marek Dvořák", "李雷", "<b>&amp;</b>", "👩‍💻 ships", "می‌خواهم"]) expect(hasUnseen(text) && plain(text) !== text).toBe(false);
  });
  it("may break lines where a place shows lines", () => {
    expect(runs("a\nb\tc", true)).toEqual([{ text: "a\nb\tc" }]);
    expect(plain("a\nb")).toBe("a⟨LF⟩b");
  });
  it("never cuts a character in half", () => {
    expect(clipped("ab😀", 3)).toBe("ab");
    expect(clipped("ab😀", 4)).toBe("ab😀");
  });
});
