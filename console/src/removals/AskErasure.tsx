// Asking for a person's erasure: who, and which parts.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, body } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { usersQuery } from "../people/queries";
import { usePaused } from "../people/Searched";
import { Checkbox, TextField } from "../ui/Field";
import { AskDialog } from "./AskDialog";
import type { Part, Removal } from "./queries";
import { PART_WORDS, PARTS, subjectOf } from "./words";

export function AskErasure({ subject: given, onDone, onClose }: { subject: string; onDone: (removal: Removal) => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(given);
  const [parts, setParts] = useState<Part[]>(["personal"]);
  const wanted = { subject: subjectOf(typed), parts };
  const toggle = (part: Part, on: boolean) => setParts((before) => PARTS.filter((one) => (one === part ? on : before.includes(one))));
  return (
    <AskDialog
      title="Ask for an erasure"
      about="Parts of a person’s events are removed for good, once another person has approved it. That the events happened, and every proof, stay."
      wanted={wanted}
      ready={wanted.subject !== "" && parts.length > 0}
      reasonHint="It is recorded and stays, so it must not name the person: “Request under article 17, ticket 481”"
      ask={(how) => body(api.POST("/v1/orgs/{org}/erasures", { params: { path: { org } }, body: { ...wanted, ...how } }))}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <PersonField value={typed} onChange={setTyped} error={errorOf("/subject")} />
          <fieldset>
            <legend>What is removed</legend>
            {PARTS.map((part) => (
              <Checkbox key={part} checked={parts.includes(part)} onChange={(event) => toggle(part, event.target.checked)}>
                {PART_WORDS[part].title} <span className="muted">{PART_WORDS[part].holds}</span>
              </Checkbox>
            ))}
          </fieldset>
        </>
      )}
    </AskDialog>
  );
}

/** Type and id of a person; those of the organization are offered by name, to who may see them. */
function PersonField({ value, error, onChange }: { value: string; error: string | undefined; onChange: (value: string) => void }) {
  const organization = useOrganization();
  const id = useId();
  const search = usePaused(value.includes(":") ? "" : value);
  const users = useInfiniteQuery({ ...usersQuery(organization.slug, search), enabled: may(organization, "users_view") });
  const offered = (users.data?.pages ?? []).flatMap((page) => page.users);
  const named = offered.find((user) => `user:${user.id}` === value);
  return (
    <>
      <TextField
        label="Person" required autoFocus spellCheck={false} list={id} maxLength={512} value={value} error={error} onChange={(event) => onChange(event.target.value)}
        hint={named ? `${named.name}, ${named.email}` : "Type and id as the log has them, also of somebody who has left: user:usr_…, or invitation:… of who was only invited"}
      />
      <datalist id={id}>
        {offered.map((user) => <option key={user.id} value={`user:${user.id}`} label={`${user.name}, ${user.email}`} />)}
      </datalist>
    </>
  );
}
