// A user's personal access tokens, as far as they work in the organization: seen, and revoked for it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { may, useSession } from "../api/session";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Failed } from "../ui/states";
import { Table } from "../ui/Table";
import { useRenew, userTokensQuery } from "./queries";

export function UserTokens({ id }: { id: string }) {
  const organization = useOrganization();
  const { user: self } = useSession();
  const org = organization.slug;
  const tokens = useQuery(userTokensQuery(org, id));
  const renew = useRenew(org);
  const [revoking, setRevoking] = useState<Schemas["UserToken"] | null>(null);
  const rows = tokens.data?.tokens ?? [];
  const revokes = may(organization, "users_update") && id !== self.id;
  return (
    <section className="page-section" aria-labelledby="tokens-title">
      <h2 id="tokens-title">Tokens that work in this organization</h2>
      {tokens.error ? (
        <Failed error={tokens.error} retry={() => void tokens.refetch()} />
      ) : rows.length === 0 ? (
        <p className="muted">{tokens.isPending ? "Loading…" : "They have none."}</p>
      ) : (
        <Table
          label="Tokens"
          rows={rows}
          keyOf={(token) => token.id}
          columns={[
            { title: "Name", cell: (token) => <b><Text>{token.name}</Text></b> },
            { title: "Begins with", optional: true, cell: (token) => <code>{token.prefix}</code> },
            { title: "Since", optional: true, narrow: true, cell: (token) => <When time={token.created_at} /> },
            { title: "Last used", narrow: true, cell: (token) => <When time={token.last_used_at} none="never" /> },
            { title: "Until", narrow: true, cell: (token) => <When time={token.expires_at} /> },
            {
              title: "", narrow: true,
              cell: (token) => revokes && <Button kind="danger" onClick={() => setRevoking(token)} aria-label={`Revoke token ${token.name}`}>Revoke</Button>,
            },
          ]}
        />
      )}
      {revoking && (
        <Confirm
          title={`Revoke token ${revoking.name}?`}
          verb="Revoke token"
          run={() => body(api.DELETE("/v1/orgs/{org}/tokens/{id}", { params: { path: { org, id: revoking.id } } }))}
          onDone={renew}
          onClose={() => setRevoking(null)}
        >
          <p>Whatever uses it is refused in {organization.name} from its next request on.</p>
        </Confirm>
      )}
    </section>
  );
}
