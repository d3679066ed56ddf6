// Asking for the redaction of events: which, and what is masked besides what the rules find.
import { useState } from "react";

import { api, body } from "../api/client";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { Checkbox, TextArea } from "../ui/Field";
import { AskDialog } from "./AskDialog";
import type { Removal } from "./queries";
import { eventIdsOf, listOf } from "./words";

export function AskRedaction({ events: given, onDone, onClose }: { events: string; onDone: (removal: Removal) => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(given);
  const [keys, setKeys] = useState("");
  const [pointers, setPointers] = useState("");
  const [remainder, setRemainder] = useState(true);
  const events = eventIdsOf(typed);
  const masked = { mask_keys: listOf(keys), pointers: listOf(pointers) };
  const wanted = { events, remainder, ...(remainder ? masked : {}) };
  return (
    <AskDialog
      title="Ask for a redaction"
      about="Message, reason, changes and metadata of these events are removed for good, once another person has approved it. What is left of them without their secrets is recorded again."
      wanted={wanted}
      ready={events.length > 0}
      reasonHint="It is recorded and stays: “A key was written into the message, ticket 512”"
      ask={(how) => body(api.POST("/v1/orgs/{org}/redactions", { params: { path: { org } }, body: { ...wanted, ...how } }))}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextArea
            label="Events" required rows={3} spellCheck={false} value={typed} error={errorOf("/events")} autoFocus={given === ""} onChange={(event) => setTyped(event.target.value)}
            hint={events.length > 0 ? counted(events.length, "event") : "Ids of events, or links to them"}
          />
          <Checkbox checked={remainder} onChange={(event) => setRemainder(event.target.checked)}>Record again what is left once secrets are masked</Checkbox>
          {remainder && (
            <div className="days-fields">
              <TextArea label="Also mask the values of" rows={2} spellCheck={false} value={keys} error={errorOf("/mask_keys")} hint="Names of keys, one to a line: iban" onChange={(event) => setKeys(event.target.value)} />
              <TextArea label="Also mask what stands at" rows={2} spellCheck={false} value={pointers} error={errorOf("/pointers")} hint="Places in the event’s JSON: /message, /metadata/note" onChange={(event) => setPointers(event.target.value)} />
            </div>
          )}
        </>
      )}
    </AskDialog>
  );
}
