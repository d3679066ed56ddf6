// A secret that is shown once: to be copied now, and never to be had again.
import { Button } from "./Button";
import { useCopy } from "./copying";
import { Dialog, DialogActions } from "./Dialog";

/** Chosen whole as soon as it is touched. */
export function SecretField({ name, secret }: { name: string; secret: string }) {
  return <input className="input mono" readOnly aria-label={name} value={secret} onFocus={(event) => event.target.select()} />;
}

export function SecretDialog({ title, about, secret, what, onClose }: {
  title: string;
  about: string;
  secret: string;
  /** What is copied: "Key". */
  what: string;
  onClose: () => void;
}) {
  const copy = useCopy();
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={title} description={about} wide>
      <SecretField name={what} secret={secret} />
      <DialogActions>
        <Button onClick={() => copy(secret, what)}>Copy</Button>
        <Button kind="primary" onClick={onClose}>I have kept it</Button>
      </DialogActions>
    </Dialog>
  );
}
