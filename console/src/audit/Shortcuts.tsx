// The keys of the page.
import { Button } from "../ui/Button";
import { Dialog, DialogActions } from "../ui/Dialog";

const KEYS: [string[], string][] = [
  [["j", "k"], "Next event, event before"],
  [["Enter"], "Open the event"],
  [["Escape"], "Close it"],
  [["f"], "Filter by the event’s values, copy it"],
  [["/"], "Search"],
  [["l"], "Follow live, or pause"],
  [["c"], "Counts by field"],
  [["s"], "Saved searches"],
  [["?"], "These keys"],
];

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Keys">
      <dl className="shortcuts">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <DialogActions><Button onClick={onClose}>Close</Button></DialogActions>
    </Dialog>
  );
}
