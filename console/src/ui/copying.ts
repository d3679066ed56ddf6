// Copying to the clipboard, with news of it.
import { useCallback } from "react";

import { useTell } from "./Toast";

/** Copies a text and says what was copied. */
export function useCopy(): (text: string, what: string) => void {
  const tell = useTell();
  return useCallback(
    (text, what) => {
      // Not there outside of secure contexts; loopback counts as one.
      const clipboard = navigator.clipboard as Clipboard | undefined;
      if (!clipboard) {
        tell("The browser lets pages copy over HTTPS only.", true);
        return;
      }
      clipboard.writeText(text).then(
        () => tell(`${what} copied`),
        () => tell("The browser did not let the page copy.", true),
      );
    },
    [tell],
  );
}
