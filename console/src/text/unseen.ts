// Characters that a page would not show, or that change how others are shown: found and named, so that a text from an
// event is read as what it is. Pure.

/** A run of a text: shown as it is, or a character that is named instead. */
export type Run = { text: string; unseen?: string };

const NAMES: Record<number, string> = {
  0x00: "NUL", 0x07: "BEL", 0x08: "BS", 0x09: "TAB", 0x0a: "LF", 0x0b: "VT", 0x0c: "FF", 0x0d: "CR", 0x1b: "ESC",
  0x7f: "DEL", 0x85: "NEL", 0xad: "SHY", 0x061c: "ALM", 0x180e: "MVS", 0x200b: "ZWSP", 0x200c: "ZWNJ", 0x200d: "ZWJ",
  0x200e: "LRM", 0x200f: "RLM", 0x2028: "LS", 0x2029: "PS", 0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO",
  0x202e: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM",
  0xfff9: "IAA", 0xfffa: "IAS", 0xfffb: "IAT",
};

// Controls, bidirectional marks and overrides, invisible separators, and the tags that can hide a text in a text.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const EVERY_UNSEEN = new RegExp(UNSEEN, "gu");

function name(code: number): string {
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Whether a joiner stands between characters of a script or an emoji that need it, and so is seen by its effect. */
function joins(text: string, at: number): boolean {
  const before = text.codePointAt(at - 1) ?? 0;
  const after = text.codePointAt(at + 1) ?? 0;
  return before > 0x2ff && after > 0x2ff;
}

/** The runs of a text. Line breaks and tabs stay as they are where `lines` says that the place can show them. */
export function runs(text: string, lines = false): Run[] {
  const found: Run[] = [];
  let from = 0;
  for (const match of text.matchAll(EVERY_UNSEEN)) {
    const code = match[0].codePointAt(0) ?? 0;
    if (lines && (code === 0x0a || code === 0x09)) continue;
    if ((code === 0x200c || code === 0x200d) && joins(text, match.index)) continue;
    if (match.index > from) found.push({ text: text.slice(from, match.index) });
    found.push({ text: match[0], unseen: name(code) });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** Whether a text has a character that is to be named. */
export function hasUnseen(text: string): boolean {
  return UNSEEN.test(text);
}

/** A text for where there is no markup: titles, names for screen readers. */
export function plain(text: string): string {
  return runs(text).map((run) => (run.unseen ? `⟨${run.unseen}⟩` : run.text)).join("");
}

/** At most so many characters of a text, never half of one. */
export function clipped(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? charsMax - 1 : charsMax);
}
