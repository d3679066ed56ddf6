// Asking for a person's erasure: who, which parts, first a count, then the reason. What was counted is what is asked for.
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { usersQuery } from "../people/queries";
import { usePaused } from "../people/Searched";
import { Button } from "../ui/Button";
import { Checkbox, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { FoundCounts } from "./FoundCounts";
import type { Part, Removal } from "./queries";
import { PART_WORDS, PARTS, subjectOf } from "./words";

export function AskErasure({ subject: given, onDone, onClose }: { subject: string; onDone: (removal: Removal) => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(given);
  const [parts, setParts] = useState<Part[]>(["personal"]);
  const [reason, setReason] = useState("");
  const wanted = { subject: subjectOf(typed), parts };
  const key = JSON.stringify(wanted);
  const count = useMutation({
    mutationFn: async () => {
      const answer = await body(api.POST("/v1/orgs/{org}/erasures", { params: { path: { org } }, body: { ...wanted, dry_run: true } }));
      return { key, found: answer.found };
    },
  });
  // A count of something else says nothing.
  const found = count.data?.key === key ? count.data.found : undefined;
  const problem = count.error && !found ? asProblem(count.error) : null;
  const toggle = (part: Part, on: boolean) => setParts((before) => PARTS.filter((one) => (one === part ? on : before.includes(one))));
  return (
    <FormDialog
      wide
      title="Ask for an erasure"
      about="Parts of a person’s events are removed for good, once another person has approved it. That the events happened, and every proof, stay."
      verb="Ask for approval"
      ready={found !== undefined && found.events > 0}
      run={async () => (await body(api.POST("/v1/orgs/{org}/erasures", { params: { path: { org } }, body: { ...wanted, reason: reason.trim() } }))) as Removal}
      onDone={onDone}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <PersonField value={typed} onChange={setTyped} error={errorOf("/subject") ?? problem?.of("/subject")} />
          <fieldset>
            <legend>What is removed</legend>
            {PARTS.map((part) => (
              <Checkbox key={part} checked={parts.includes(part)} onChange={(event) => toggle(part, event.target.checked)}>
                {PART_WORDS[part].title} <span className="muted">{PART_WORDS[part].holds}</span>
              </Checkbox>
            ))}
          </fieldset>
          <Counted found={found} counting={count.isPending} ready={wanted.subject !== "" && parts.length > 0} onCount={() => count.mutate()} problem={problem && !problem.of("/subject") ? problem.detail : undefined} />
          {found && found.events > 0 && (
            <TextField label="Reason" required maxLength={500} autoFocus value={reason} error={errorOf("/reason")} hint="It is recorded and stays, so it must not name the person: “Request under article 17, ticket 481”" onChange={(event) => setReason(event.target.value)} />
          )}
        </>
      )}
    </FormDialog>
  );
}

/** The count, or the way to it. */
export function Counted({ found, counting, ready, problem, onCount }: { found: Parameters<typeof FoundCounts>[0]["found"] | undefined; counting: boolean; ready: boolean; problem: string | undefined; onCount: () => void }) {
  return (
    <div className="effect" role="status">
      {found ? <FoundCounts found={found} /> : (
        <>
          {problem ? <p className="field-error">{problem}</p> : <p className="muted">Count first what would be removed. A count is recorded, and removes nothing.</p>}
          <Button disabled={!ready || counting} onClick={onCount}>{counting ? "Counting…" : "Count"}</Button>
        </>
      )}
    </div>
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
