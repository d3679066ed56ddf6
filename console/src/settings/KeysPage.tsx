// On-premises keys: what writes events of this organization.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { AuditOf } from "../people/links";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { PageHead } from "../ui/PageHead";
import { SecretDialog } from "../ui/Secret";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
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
  const [creating, setCreating] = useState(false);
  const [secret, setSecret] = useState<Schemas["KeyWithSecret"] | null>(null);
  const [revoking, setRevoking] = useState<Key | null>(null);
  const renew = () => void client.invalidateQueries({ queryKey: ["keys", org] });
  return (
    <main className="page" id="main">
      <PageHead
        title="On-premises keys"
        about={<>A key writes events of {organization.name} and can do nothing else. Its secret is shown once.</>}
        actions={may(organization, "on_prem_keys_create") && <Button kind="primary" onClick={() => setCreating(true)}>Create key</Button>}
      />
      {keys.isPending ? (
        <Loading rows={4} />
      ) : !keys.data ? (
        <Failed error={keys.error} retry={() => void keys.refetch()} />
      ) : keys.data.length === 0 ? (
        <Empty title="No keys yet">Create one for each system that sends events.</Empty>
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
            { title: "Environment", cell: (key) => (key.environment ? <Text>{key.environment}</Text> : <span className="muted">any</span>) },
            { title: "Created", narrow: true, optional: true, cell: (key) => <When time={key.created_at} /> },
            {
              title: "", narrow: true,
              cell: (key) => (
                <span className="table-actions">
                  <AuditOf phrase={`target:on_prem_key:${key.id}`} />
                  {may(organization, "on_prem_keys_revoke") && <Button kind="danger" onClick={() => setRevoking(key)} aria-label={`Revoke key ${key.name}`}>Revoke</Button>}
                </span>
              ),
            },
          ]}
        />
      )}
      {creating && (
        <CreateKey
          onClose={() => setCreating(false)}
          onMade={(made) => {
            renew();
            setCreating(false);
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
          onDone={() => {
            renew();
            setRevoking(null);
          }}
          onClose={() => setRevoking(null)}
        >
          <p>Whatever sends events with it is refused from its next request on. What it has sent stays.</p>
        </Confirm>
      )}
    </main>
  );
}

function CreateKey({ onClose, onMade }: { onClose: () => void; onMade: (key: Schemas["KeyWithSecret"]) => void }) {
  const { slug: org } = useOrganization();
  const [name, setName] = useState("");
  const [environment, setEnvironment] = useState("");
  return (
    <FormDialog
      title="Create key"
      verb="Create"
      run={() => body(api.POST("/v1/orgs/{org}/on-prem-keys", { params: { path: { org } }, body: { name, ...(environment ? { environment } : {}) } }))}
      onDone={onMade}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} hint="What sends with it: “CI”, “orders in Porto”" onChange={(event) => setName(event.target.value)} />
          <TextField label="Environment" value={environment} error={errorOf("/environment")} hint="If given, it is added to each event as a target" onChange={(event) => setEnvironment(event.target.value)} />
        </>
      )}
    </FormDialog>
  );
}
