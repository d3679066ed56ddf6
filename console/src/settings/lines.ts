// Lists that are typed: one entry to a line, or with spaces or commas between. Pure.

export function linesOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
