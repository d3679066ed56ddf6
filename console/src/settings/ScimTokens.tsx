// Tokens with which an identity provider keeps the users and groups of an organization, through SCIM.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { SecretDialog } from "../ui/Secret";
import { Listed } from "./Listed";
import { queries, useRenewed, type ScimToken } from "./queries";

export function ScimTokens({ manages }: { manages: boolean }) {
  const { slug: org } = useOrganization();
  const tokens = useQuery(queries.tokens(org));
  const renew = useRenewed(org);
  const [creating, setCreating] = useState(false);
  const [name, setName] = useState("");
  const [secret, setSecret] = useState<Schemas["ScimTokenWithSecret"] | null>(null);
  const [revoking, setRevoking] = useState<ScimToken | null>(null);
  return (
    <section className="page-section" aria-labelledby="scim-title">
      <h2 id="scim-title">Provisioning through SCIM</h2>
      <p className="muted">
        An identity provider adds, changes and removes users and groups here, with a token, at <code>{location.origin}/v1/orgs/{org}/scim/v2</code>
      </p>
      <Listed
        label="SCIM tokens"
        query={tokens}
        none="No tokens."
        columns={[
          {
            title: "Name",
            cell: (one) => (
              <span className="two-lines">
                <b><Text>{one.name}</Text></b>
                {one.suspended && <span>Does nothing: who made it no longer holds every permission.</span>}
              </span>
            ),
          },
          { title: "Created", narrow: true, cell: (one) => <When time={one.created_at} /> },
          { title: "Last used", narrow: true, optional: true, cell: (one) => <When time={one.last_used_at} none="never" /> },
          { title: "", narrow: true, cell: (one) => manages && <Button kind="danger" onClick={() => setRevoking(one)} aria-label={`Revoke token ${one.name}`}>Revoke</Button> },
        ]}
      />
      {manages && (
        <>
          <p className="muted">A token can remove anybody. It works only while you hold every permission.</p>
          <Button onClick={() => setCreating(true)}>Create token</Button>
        </>
      )}
      {creating && (
        <FormDialog
          title="Create SCIM token"
          verb="Create"
          run={() => body(api.POST("/v1/orgs/{org}/scim-tokens", { params: { path: { org } }, body: { name } }))}
          onDone={(made) => {
            renew();
            setSecret(made);
          }}
          onClose={() => setCreating(false)}
        >
          {(errorOf) => <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />}
        </FormDialog>
      )}
      {secret && <SecretDialog title={`Token ${secret.name}`} what="Token" secret={secret.secret} about="Give it to the identity provider. It cannot be shown again." onClose={() => setSecret(null)} />}
      {revoking && (
        <Confirm
          title={`Revoke token ${revoking.name}?`}
          verb="Revoke token"
          run={() => body(api.DELETE("/v1/orgs/{org}/scim-tokens/{id}", { params: { path: { org, id: revoking.id } } }))}
          onDone={renew}
          onClose={() => setRevoking(null)}
        >
          <p>Whoever provisions with it is refused from the next request on. Users and groups stay as they are.</p>
        </Confirm>
      )}
    </section>
  );
}
