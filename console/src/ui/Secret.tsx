// A secret that is shown once: to be copied now, and never to be had again.
import { useRef } from "react";

import { Button } from "./Button";
import { useCopy } from "./copying";
import { Dialog, DialogActions } from "./Dialog";

export function SecretDialog({ title, about, secret, what, onClose }: {
  title: string;
  about: string;
  secret: string;
  /** What is copied: "Key". */
  what: string;
  onClose: () => void;
}) {
  const copy = useCopy();
  const field = useRef<HTMLInputElement>(null);
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={about} wide>
      <input ref={field} className="input mono" readOnly aria-label={what} value={secret} onFocus={() => field.current?.select()} />
      <DialogActions>
        <Button onClick={() => copy(secret, what)}>Copy</Button>
        <Button kind="primary" onClick={onClose}>I have kept it</Button>
      </DialogActions>
    </Dialog>
  );
}
