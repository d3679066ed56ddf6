import { expect, test } from "vitest";

import { browserOf } from "./browser";

test("browsers are called what people call them", () => {
  expect(browserOf("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0")).toBe("Firefox 142 on Linux");
  const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
  expect(browserOf(chrome)).toBe("Chrome 141 on Windows");
  expect(browserOf(`${chrome} Edg/141.0.0.0`)).toBe("Edge 141 on Windows");
  expect(browserOf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15")).toBe("Safari 18 on macOS");
  expect(browserOf("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1")).toBe("Safari 18 on iOS");
});

test("what is no known browser stays as it is", () => {
  expect(browserOf("curl/8.5.0")).toBe("curl/8.5.0");
  expect(browserOf("")).toBe("");
});
