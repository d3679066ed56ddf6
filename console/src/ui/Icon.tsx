// The few icons of the console, drawn as lines. They say nothing on their own: a name always stands beside them.

const PATHS = {
  calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2v3m5-3v3",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  close: "M3.5 3.5l9 9m0-9l-9 9",
  check: "M3 8.5l3.2 3.2L13 4.8",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  link: "M6.8 9.2l2.4-2.4M7 4.6l1.3-1.3a3 3 0 0 1 4.4 4.4L11.4 9M9 11.4l-1.3 1.3a3 3 0 0 1-4.4-4.4L4.6 7",
  filter: "M2.5 3.5h11L9.5 8.5v4l-3 1v-5z",
  exclude: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM4 4l8 8",
  pause: "M5.5 3.5v9m5-9v9",
  play: "M4.5 3l8 5-8 5z",
  back: "M6.5 4L2.5 8l4 4M2.5 8h7a4 4 0 0 1 4 4",
  menu: "M2.5 4.5h11m-11 3.5h11m-11 3.5h11",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5v1m0 11v1M1.5 8h1m11 0h1M3.4 3.4l.7.7m7.8 7.8l.7.7M3.4 12.6l.7-.7m7.8-7.8l.7-.7",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6Z",
  out: "M6.5 2.5h-4v11h4M10 5l3 3-3 3m3-3H6",
  download: "M8 2.5v7.5m-3-3l3 3 3-3M2.5 13.5h11",
  columns: "M2.5 3h11v10h-11zM6.2 3v10m3.6-10v10",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
  left: "M10 3.5L5.5 8l4.5 4.5",
  right: "M6 3.5L10.5 8 6 12.5",
  plus: "M8 3v10M3 8h10",
  more: "M3.4 8h.2m4.3 0h.2m4.3 0h.2",
  bookmark: "M4 2.5h8v11l-4-3-4 3z",
  edit: "M3 13l.6-2.8L10.5 3.3a1.3 1.3 0 0 1 1.9 0l.3.3a1.3 1.3 0 0 1 0 1.9L5.8 12.4z",
  panel: "M2.5 3h11v10h-11zM6 3v10",
  key: "M10.2 8.6a3.3 3.3 0 1 0-2.8-2.8L2.5 10.7v2.8h2.8v-1.6h1.6v-1.6z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
