// The frame of asking for a removal: what is asked for, first a count of it, then the reason. What was counted is what is asked for.
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { asProblem } from "../api/problem";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { FoundCounts } from "./FoundCounts";
import type { Removal } from "./queries";

export function AskDialog({ title, about, wanted, ready, reasonHint, ask, onDone, onClose, children }: {
  title: string;
  about: string;
  /** What is asked for; a count of anything else says nothing. */
  wanted: unknown;
  /** Whether there is something to count. */
  ready: boolean;
  reasonHint: string;
  ask: (how: { dry_run: true } | { reason: string }) => Promise<unknown>;
  onDone: (removal: Removal) => void;
  onClose: () => void;
  /** The fields, with what the last answer said of each, the count's too. */
  children: (errorOf: (pointer: string) => string | undefined) => ReactNode;
}) {
  const [reason, setReason] = useState("");
  const key = JSON.stringify(wanted);
  const count = useMutation({ mutationFn: async () => ({ key, found: ((await ask({ dry_run: true })) as Pick<Removal, "found">).found }) });
  const found = count.data?.key === key ? count.data.found : undefined;
  const problem = count.error && !found ? asProblem(count.error) : null;
  return (
    <FormDialog
      wide
      title={title}
      about={about}
      verb="Ask for approval"
      ready={found !== undefined && found.events > 0}
      run={async () => (await ask({ reason: reason.trim() })) as Removal}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          {children((pointer) => errorOf(pointer) ?? problem?.of(pointer))}
          <div className="effect" role="status">
            {found ? <FoundCounts found={found} /> : (
              <>
                {problem ? <p className="field-error">{problem.detail}</p> : <p className="muted">Count first what would be removed. A count is recorded, and removes nothing.</p>}
                <Button disabled={!ready || count.isPending} onClick={() => count.mutate()}>{count.isPending ? "Counting…" : "Count"}</Button>
              </>
            )}
          </div>
          {found && found.events > 0 && (
            <TextField label="Reason" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} hint={reasonHint} onChange={(event) => setReason(event.target.value)} />
          )}
        </>
      )}
    </FormDialog>
  );
}
