// On-premises keys: what writes events of this organization.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { MayNotChange } from "../app/WhomToAsk";
import { AuditOf } from "../people/links";
import { Text } from "../text/Text";
import { rfc3339 } from "../time/range";
import { MomentField } from "../time/MomentField";
import { readTyped } from "../time/typed";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Select, TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { PageHead } from "../ui/PageHead";
import { SecretDialog } from "../ui/Secret";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { linesOf } from "./lines";
import "../styles/pages.css";

type Key = Schemas["Key"];

function keysQuery(org: string) {
  return queryOptions({
    queryKey: ["keys", org],
    queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/on-prem-keys", { params: { path: { org } }, signal }))).keys,
  });
}

export function Component() {
  const organization = useOrganization();
  const org = organization.slug;
  const client = useQueryClient();
  const keys = useQuery(keysQuery(org));
  const creates = may(organization, "on_prem_keys_create");
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<Schemas["KeyWithSecret"] | null>(null);
  const [changing, setChanging] = useState<Key | null>(null);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const renew = () => void client.invalidateQueries({ queryKey: ["keys", org] });
  return (
    <main className="page" id="main">
      <PageHead
        title="On-premises keys"
        about={<>A key writes events of {organization.name} and can do nothing else. Its secret is shown once.</>}
        actions={creates && <Button kind="primary" onClick={() => setCreating(true)}>Create key</Button>}
      />
      {!creates && !may(organization, "on_prem_keys_update") && !may(organization, "on_prem_keys_revoke") && <MayNotChange permission="on_prem_keys_create" />}
      {keys.isPending ? (
        <Loading rows={4} />
      ) : !keys.data ? (
        <Failed error={keys.error} retry={() => void keys.refetch()} />
      ) : keys.data.length === 0 ? (
        <Empty title="No keys yet">{creates ? "Create one for each system that sends events." : "Nothing sends events of the organization with one."}</Empty>
      ) : (
        <Table
          label="On-premises keys"
          rows={keys.data}
          keyOf={(key) => key.id}
          columns={[
            {
              title: "Name",
              cell: (key) => (
                <span className="two-lines">
                  <b><Text>{key.name}</Text></b>
                  <span className="mono">act_key_{key.id}_…</span>
                </span>
              ),
            },
            { title: "Environment", optional: true, cell: (key) => (key.environment ? <Text>{key.environment}</Text> : <span className="muted">any</span>) },
            { title: "Allowed from", optional: true, cell: (key) => (key.networks ? <code><Text>{key.networks.join(", ")}</Text></code> : <span className="muted">anywhere</span>) },
            { title: "Last used", narrow: true, optional: true, cell: (key) => <When time={key.last_used_at} none="never" /> },
            { title: "Expires", narrow: true, optional: true, cell: (key) => <Expires at={key.expires_at} /> },
            {
              title: "", narrow: true,
              cell: (key) => (
                <span className="table-actions">
                  <AuditOf phrase={`target:on_prem_key:${key.id}`} />
                  {may(organization, "on_prem_keys_update") && <Button onClick={() => setChanging(key)} aria-label={`Change key ${key.name}`}>Change</Button>}
                  {may(organization, "on_prem_keys_revoke") && <Button kind="danger" onClick={() => setRevoking(key)} aria-label={`Revoke key ${key.name}`}>Revoke</Button>}
                </span>
              ),
            },
          ]}
        />
      )}
      {changing && (
        <EditKey
          known={changing}
          run={(wanted) => body(api.PATCH("/v1/orgs/{org}/on-prem-keys/{id}", { params: { path: { org, id: changing.id } }, body: wanted }))}
          onClose={() => setChanging(null)}
          onDone={renew}
        />
      )}
      {creating && (
        <EditKey
          run={(wanted) => body(api.POST("/v1/orgs/{org}/on-prem-keys", { params: { path: { org } }, body: wanted }))}
          onClose={() => setCreating(false)}
          onDone={(made) => {
            renew();
            setSecret(made);
          }}
        />
      )}
      {secret && (
        <SecretDialog
          title={`Key ${secret.name}`} what="Key" secret={secret.secret} onClose={() => setSecret(null)}
          about="Keep it where the system that sends events finds it. It cannot be shown again."
        />
      )}
      {revoking && (
        <Confirm
          title={`Revoke key ${revoking.name}?`}
          verb="Revoke key"
          run={() => body(api.DELETE("/v1/orgs/{org}/on-prem-keys/{id}", { params: { path: { org, id: revoking.id } } }))}
          onDone={renew}
          onClose={() => setRevoking(null)}
        >
          <p>Whatever sends events with it is refused from its next request on. What it has sent stays.</p>
        </Confirm>
      )}
    </main>
  );
}

type Expiry = "never" | "30" | "90" | "365" | "day";

const EXPIRIES: { value: Expiry; label: string }[] = [
  { value: "never", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
  { value: "day", label: "At the end of a day…" },
];

/** When a key ends: `null` for never; nothing for a day that cannot be read, or is not chosen yet. Days end in UTC. */
function endOf(expiry: Expiry, day: string): string | null | undefined {
  if (expiry === "never") return null;
  if (expiry !== "day") return rfc3339(Date.now() + Number(expiry) * 86_400_000);
  const end = /^\d+-\d+-\d+$/.test(day.trim()) ? readTyped(day, "utc", Date.now(), true) : null;
  return end === null ? undefined : rfc3339(end - 1_000);
}

/** Makes a key, or changes one; its secret stays the same. */
function EditKey<T>({ known, run, onClose, onDone }: { known?: Key; run: (wanted: Schemas["NewKey"]) => Promise<T>; onClose: () => void; onDone: (answer: T) => void }) {
  const [name, setName] = useState(known?.name ?? "");
  const [environment, setEnvironment] = useState(known?.environment ?? "");
  const [networks, setNetworks] = useState((known?.networks ?? []).join("\n"));
  const [expiry, setExpiry] = useState<Expiry>(known?.expires_at ? "day" : "never");
  const [day, setDay] = useState(known?.expires_at?.slice(0, 10) ?? "");
  const end = endOf(expiry, day);
  const unchanged = expiry === "day" && day.trim() === known?.expires_at?.slice(0, 10);
  const allowed = linesOf(networks);
  const wanted = { name, environment: environment || null, networks: allowed.length > 0 ? allowed : null, ...(unchanged || end === undefined ? {} : { expires_at: end }) };
  return (
    <FormDialog title={known ? `Change key ${known.name}` : "Create key"} verb={known ? "Save" : "Create"} ready={end !== undefined} run={() => run(wanted)} onDone={onDone} onClose={onClose}>
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} hint="What sends with it: “CI”, “orders in Porto”" onChange={(event) => setName(event.target.value)} />
          <TextField label="Environment" maxLength={128} value={environment} error={errorOf("/environment")} hint="If given, it is added to each event as a target" onChange={(event) => setEnvironment(event.target.value)} />
          <div className="field">
            <span className="field-label" aria-hidden="true">Expires</span>
            <Select label="Expires" value={expiry} choices={EXPIRIES} onChange={setExpiry} />
            {expiry !== "day" && errorOf("/expires_at") && <span className="field-error" role="alert">{errorOf("/expires_at")}</span>}
          </div>
          {expiry === "day" && (
            <MomentField
              label="Last day (UTC)" choosing="Choose the last day" value={day} zone="utc" isEnd wholeDays fromToday
              unread={day.trim() && end === undefined ? "Give a day such as 2026-11-23." : undefined} error={errorOf("/expires_at")} onChange={setDay}
            />
          )}
          <TextArea label="Allowed networks" rows={2} spellCheck={false} value={networks} error={errorOf("/networks")} hint="Addresses and networks it may be used from, one to a line: 203.0.113.0/24. Empty: from anywhere" onChange={(event) => setNetworks(event.target.value)} />
        </>
      )}
    </FormDialog>
  );
}

/** When it ends, and whether it has. */
function Expires({ at }: { at: string | null }) {
  const [now] = useState(Date.now);
  if (!at) return <span className="muted">never</span>;
  return Date.parse(at) <= now ? <span className="badge badge-warning">Expired <When time={at} /></span> : <When time={at} />;
}
