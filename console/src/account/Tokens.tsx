// Personal access tokens: for scripts and the command line, with the person's permissions or fewer.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import type { Session } from "../api/session";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Select, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { SecretDialog } from "../ui/Secret";
import { Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { tokensQuery } from "./queries";

type Days = "30" | "90" | "180" | "365";
const DAY_MILLIS = 86_400_000;
/** All that the person may do. */
const EVERYTHING = "";
/** Names of permissions that only look. */
const READING = ["audit_logs_view", "audit_logs_export", "audit_logs_verify"];

export function Tokens({ session }: { session: Session }) {
  const tokens = useQuery(tokensQuery);
  const client = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<Schemas["TokenWithSecret"] | null>(null);
  const [revoking, setRevoking] = useState<Schemas["PersonalToken"] | null>(null);
  const renew = () => void client.invalidateQueries({ queryKey: tokensQuery.queryKey });
  return (
    <section className="page-section" aria-labelledby="tokens-title">
      <h2 id="tokens-title">Personal access tokens</h2>
      <p className="muted">For scripts and the command line: they may do what you may, or less.</p>
      {tokens.isPending ? (
        <Loading rows={2} />
      ) : !tokens.data ? (
        <Failed error={tokens.error} retry={() => void tokens.refetch()} />
      ) : (
        tokens.data.length > 0 && (
          <Table
            label="Personal access tokens"
            rows={tokens.data}
            keyOf={(token) => token.id}
            columns={[
              { title: "Name", cell: (token) => <b><Text>{token.name}</Text></b> },
              { title: "Organizations", optional: true, cell: (token) => <Text>{token.organizations?.join(", ") ?? "all of yours"}</Text> },
              { title: "Permissions", optional: true, cell: (token) => (token.permissions ? `${token.permissions.length} of yours` : "all of yours") },
              { title: "Last used", narrow: true, cell: (token) => <When time={token.last_used_at} none="never" /> },
              { title: "Until", narrow: true, cell: (token) => <When time={token.expires_at} /> },
              { title: "", narrow: true, cell: (token) => <Button kind="danger" onClick={() => setRevoking(token)} aria-label={`Revoke token ${token.name}`}>Revoke</Button> },
            ]}
          />
        )
      )}
      <Button onClick={() => setCreating(true)}>Create token</Button>
      {creating && (
        <CreateToken
          session={session}
          onClose={() => setCreating(false)}
          onMade={(made) => {
            renew();
            setCreating(false);
            setSecret(made);
          }}
        />
      )}
      {secret && <SecretDialog title={`Token ${secret.name}`} what="Token" secret={secret.secret} about="Keep it as you keep a password. It cannot be shown again." onClose={() => setSecret(null)} />}
      {revoking && (
        <Confirm
          title={`Revoke token ${revoking.name}?`}
          verb="Revoke token"
          run={() => body(api.DELETE("/v1/tokens/{id}", { params: { path: { id: revoking.id } } }))}
          onDone={renew}
          onClose={() => setRevoking(null)}
        >
          <p>Whatever uses it is refused from its next request on.</p>
        </Confirm>
      )}
    </section>
  );
}

function CreateToken({ session, onClose, onMade }: { session: Session; onClose: () => void; onMade: (token: Schemas["TokenWithSecret"]) => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState<Days>("90");
  const [organization, setOrganization] = useState(EVERYTHING);
  const [may, setMay] = useState<"all" | "read">("all");
  // A token is given no permission that its owner does not hold where it works.
  const reached = session.organizations.filter((one) => !organization || one.slug === organization);
  const reading = READING.filter((name) => reached.some((one) => one.permissions.includes(name)));
  const run = () =>
    body(
      api.POST("/v1/tokens", {
        body: {
          name,
          expires_at: new Date(Date.now() + Number(days) * DAY_MILLIS).toISOString(),
          ...(organization ? { organizations: [organization] } : {}),
          ...(may === "read" ? { permissions: reading.length > 0 ? reading : READING } : {}),
        },
      }),
    );
  return (
    <FormDialog title="Create token" verb="Create" run={run} onDone={onMade} onClose={onClose}>
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} hint="What it is for" onChange={(event) => setName(event.target.value)} />
          <div className="field">
            <span className="field-label">Valid for</span>
            <Select<Days> label="Valid for" value={days} onChange={setDays} choices={[{ value: "30", label: "30 days" }, { value: "90", label: "90 days" }, { value: "180", label: "180 days" }, { value: "365", label: "a year" }]} />
          </div>
          <div className="field">
            <span className="field-label">For</span>
            <Select label="For" value={organization} onChange={setOrganization} choices={[{ value: EVERYTHING, label: "All your organizations" }, ...session.organizations.map((one) => ({ value: one.slug, label: one.name }))]} />
          </div>
          {(reading.length > 0 || may === "read") && (
            <div className="field">
              <span className="field-label">May</span>
              <Select<"all" | "read"> label="May" value={may} onChange={setMay} choices={[{ value: "all", label: "Do what you may" }, { value: "read", label: "See, export and verify the audit log" }]} />
            </div>
          )}
        </>
      )}
    </FormDialog>
  );
}
