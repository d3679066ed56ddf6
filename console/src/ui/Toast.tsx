// Short news at the edge of the page: what was done, or what did not work. Read out, and gone by itself.
import { createContext, use, useCallback, useMemo, useRef, useState, type ReactNode } from "react";

const SHOWN_MILLIS = 5_000;
const SHOWN_MAX = 4;

type News = { id: number; text: string; failed: boolean };
export type Tell = (text: string, failed?: boolean) => void;

const TellContext = createContext<Tell>(() => undefined);

/** Tells the person something. */
export function useTell(): Tell {
  return use(TellContext);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [news, setNews] = useState<News[]>([]);
  const next = useRef(0);
  const dismiss = useCallback((id: number) => setNews((all) => all.filter((one) => one.id !== id)), []);
  const tell = useCallback<Tell>(
    (text, failed = false) => {
      const id = next.current++;
      setNews((all) => [...all, { id, text, failed }].slice(-SHOWN_MAX));
      // What failed stays until it is dismissed: somebody may have looked away.
      if (!failed) setTimeout(() => dismiss(id), SHOWN_MILLIS);
    },
    [dismiss],
  );
  const list = useMemo(
    () =>
      news.map((one) => (
        <div key={one.id} className={one.failed ? "toast toast-failed" : "toast"}>
          <span className="grow">{one.text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => dismiss(one.id)}>×</button>
        </div>
      )),
    [news, dismiss],
  );
  return (
    <TellContext value={tell}>
      {children}
      <div className="toasts" role="status" aria-live="polite">{list}</div>
    </TellContext>
  );
}
