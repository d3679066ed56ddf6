// A text of an event or of a person, whatever it holds: inert, isolated from the direction of what stands around it, with
// unseen characters named. Every such text of the console is shown by this.
import { useState, type ComponentProps } from "react";

import { clipped, hasUnseen, runs } from "./unseen";

/** Characters of a text that a row holds; more can never be seen in one. */
const ROW_CHARS_MAX = 400;
/** Characters that are shown before somebody asks for all. */
const SHOWN_CHARS_MAX = 2_000;

function Runs({ text, lines = false }: { text: string; lines?: boolean }) {
  if (!hasUnseen(text)) return text;
  return runs(text, lines).map((run, index) =>
    run.unseen ? (
      <span key={index} className="unseen" title="a character that is not shown by itself">
        {run.unseen}
      </span>
    ) : (
      run.text
    ),
  );
}

/** In one line; what else is given is the element's: a row has no room for one more around each of its texts. */
export function Text({ children, className = "text", ...rest }: ComponentProps<"bdi"> & { children: string }) {
  return (
    <bdi className={className} {...rest}>
      <Runs text={clipped(children, ROW_CHARS_MAX)} />
      {children.length > ROW_CHARS_MAX && "…"}
    </bdi>
  );
}

/** In as many lines as it has; a very long one is shown whole when somebody asks for it. */
export function LongText({ children }: { children: string }) {
  const [all, setAll] = useState(false);
  const cut = !all && children.length > SHOWN_CHARS_MAX;
  return (
    <>
      <bdi className="text">
        <Runs text={cut ? clipped(children, SHOWN_CHARS_MAX) : children} lines />
        {cut && "…"}
      </bdi>
      {cut && (
        <>
          {" "}
          <button type="button" className="link-button" onClick={() => setAll(true)}>
            Show all {children.length.toLocaleString("en")} characters
          </button>
        </>
      )}
    </>
  );
}
