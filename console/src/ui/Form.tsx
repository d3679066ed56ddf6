// A dialog with a form: its fields, what was wrong with them, and the button that sends it.
import { useMutation } from "@tanstack/react-query";
import type { ReactNode, SyntheticEvent } from "react";

import { asProblem, type ApiProblem } from "../api/problem";
import { Button } from "./Button";
import { Dialog, DialogActions } from "./Dialog";

export function FormDialog<T>({ title, about, verb, wide = false, ready = true, grave = false, run, onDone, onClose, children }: {
  title: string;
  about?: ReactNode;
  verb: string;
  wide?: boolean;
  /** Whether it can be sent as it is. */
  ready?: boolean;
  /** Whether what it does cannot be taken back. */
  grave?: boolean;
  run: () => Promise<T>;
  /** Once it is done, and closed. */
  onDone: (answer: T) => void;
  onClose: () => void;
  /** The fields, with what the last answer said of each. */
  children: (errorOf: (pointer: string) => string | undefined) => ReactNode;
}) {
  const action = useMutation({
    mutationFn: run,
    onSuccess: (answer) => {
      onClose();
      onDone(answer);
    },
  });
  const problem = action.error ? asProblem(action.error) : null;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    action.mutate();
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={about} wide={wide}>
      <form className="form" onSubmit={submit}>
        {children((pointer) => problem?.of(pointer))}
        {problem && <p className="field-error" role="alert">{said(problem)}</p>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind={grave ? "danger" : "primary"} disabled={action.isPending || !ready}>{action.isPending ? "One moment…" : verb}</Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** What cannot be said at a field. */
function said(problem: ApiProblem): string {
  const text = problem.detail || problem.title;
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
