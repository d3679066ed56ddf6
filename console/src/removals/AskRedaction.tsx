// Asking for the redaction of events: which, what is masked besides what the rules find, first a count, then the reason.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { Checkbox, TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { Counted } from "./AskErasure";
import type { Removal } from "./queries";
import { eventIdsOf, listOf } from "./words";

export function AskRedaction({ events: given, onDone, onClose }: { events: string; onDone: (removal: Removal) => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(given);
  const [keys, setKeys] = useState("");
  const [pointers, setPointers] = useState("");
  const [remainder, setRemainder] = useState(true);
  const [reason, setReason] = useState("");
  const events = eventIdsOf(typed);
  const masked = { mask_keys: listOf(keys), pointers: listOf(pointers) };
  const wanted = { events, remainder, ...(remainder ? masked : {}) };
  const key = JSON.stringify(wanted);
  const count = useMutation({
    mutationFn: async () => {
      const answer = await body(api.POST("/v1/orgs/{org}/redactions", { params: { path: { org } }, body: { ...wanted, dry_run: true } }));
      return { key, found: answer.found };
    },
  });
  const found = count.data?.key === key ? count.data.found : undefined;
  const problem = count.error && !found ? asProblem(count.error) : null;
  const at = (pointer: string) => problem?.errors.find((error) => error.pointer?.startsWith(pointer))?.detail;
  return (
    <FormDialog
      wide
      title="Ask for a redaction"
      about="Message, reason, changes and metadata of these events are removed for good, once another person has approved it. What is left of them without their secrets is recorded again."
      verb="Ask for approval"
      ready={found !== undefined && found.events > 0}
      run={async () => (await body(api.POST("/v1/orgs/{org}/redactions", { params: { path: { org } }, body: { ...wanted, reason: reason.trim() } }))) as Removal}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextArea
            label="Events" required rows={3} spellCheck={false} value={typed} error={errorOf("/events") ?? at("/events")} autoFocus={given === ""} onChange={(event) => setTyped(event.target.value)}
            hint={events.length > 0 ? counted(events.length, "event") : "Ids of events, or links to them"}
          />
          <Checkbox checked={remainder} onChange={(event) => setRemainder(event.target.checked)}>Record again what is left once secrets are masked</Checkbox>
          {remainder && (
            <div className="days-fields">
              <TextArea label="Also mask the values of" rows={2} spellCheck={false} value={keys} error={errorOf("/mask_keys") ?? at("/mask_keys")} hint="Names of keys, one to a line: iban" onChange={(event) => setKeys(event.target.value)} />
              <TextArea label="Also mask what stands at" rows={2} spellCheck={false} value={pointers} error={errorOf("/pointers") ?? at("/pointers")} hint="Places in the event’s JSON: /message, /metadata/note" onChange={(event) => setPointers(event.target.value)} />
            </div>
          )}
          <Counted found={found} counting={count.isPending} ready={events.length > 0} onCount={() => count.mutate()} problem={problem && problem.errors.length === 0 ? problem.detail : undefined} />
          {found && found.events > 0 && (
            <TextField label="Reason" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} hint="It is recorded and stays: “A key was written into the message, ticket 512”" onChange={(event) => setReason(event.target.value)} />
          )}
        </>
      )}
    </FormDialog>
  );
}
