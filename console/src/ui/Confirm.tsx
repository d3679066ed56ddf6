// Asking before something is taken away, with what will be lost, and saying why it could not be done.
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { asProblem } from "../api/problem";
import { Button } from "./Button";
import { Dialog, DialogActions } from "./Dialog";

export function Confirm({ title, children, verb, run, onDone, onClose }: {
  title: string;
  /** What will be lost. */
  children: ReactNode;
  /** What the button says: "Delete the role". */
  verb: string;
  run: () => Promise<unknown>;
  /** Once it is done, and closed. */
  onDone?: () => void;
  onClose: () => void;
}) {
  const action = useMutation({
    mutationFn: run,
    onSuccess: () => {
      onClose();
      onDone?.();
    },
  });
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title}>
      <div className="dialog-body">{children}</div>
      {action.error && <p className="field-error" role="alert">{asProblem(action.error).detail}</p>}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" disabled={action.isPending} onClick={() => action.mutate()}>{verb}</Button>
      </DialogActions>
    </Dialog>
  );
}
