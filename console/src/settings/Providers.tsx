// The identity providers of an organization: listed, added, changed, removed.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { Text } from "../text/Text";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { useCopy } from "../ui/copying";
import { Menu, MenuItem } from "../ui/Menu";
import { EditProvider } from "./EditProvider";
import { Listed } from "./Listed";
import { queries, useRenewed, type Provider } from "./queries";

export function Providers({ manages }: { manages: boolean }) {
  const { slug: org, name: organizationName } = useOrganization();
  const providers = useQuery(queries.providers(org));
  const renew = useRenewed(org);
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<Provider | null>(null);
  const [removing, setRemoving] = useState<Provider | null>(null);
  return (
    <section className="page-section" aria-labelledby="providers-title">
      <h2 id="providers-title">Identity providers</h2>
      <p className="muted">People sign in through them with OpenID Connect. Tell each one its redirect address, and give people its sign-in link.</p>
      <Listed
        label="Identity providers"
        query={providers}
        none="None."
        columns={[
          {
            title: "Name",
            cell: (one) => (
              <span className="two-lines">
                <b><Text>{one.name}</Text></b>
                <span><Text>{one.issuer}</Text></span>
              </span>
            ),
          },
          { title: "Client id", optional: true, cell: (one) => <Text>{one.client_id}</Text> },
          { title: "Speaks for", optional: true, cell: (one) => <SpeaksFor one={one} /> },
          { title: "Groups", optional: true, cell: (one) => <GivesGroups one={one} /> },
          { title: "State", narrow: true, cell: (one) => (one.enabled ? "In use" : <span className="badge badge-warning">Off</span>) },
          {
            title: "", narrow: true,
            cell: (one) => (
              <span className="table-actions">
                <CopyMenu one={one} />
                {manages && <Button onClick={() => setChanging(one)} aria-label={`Change ${one.name}`}>Change</Button>}
                {manages && <Button kind="danger" onClick={() => setRemoving(one)} aria-label={`Remove ${one.name}`}>Remove</Button>}
              </span>
            ),
          },
        ]}
      />
      {manages && <Button onClick={() => setAdding(true)}>Add identity provider</Button>}
      {adding && <EditProvider onDone={renew} onClose={() => setAdding(false)} />}
      {changing && <EditProvider known={changing} onDone={renew} onClose={() => setChanging(null)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}?`}
          verb="Remove identity provider"
          run={() => body(api.DELETE("/v1/orgs/{org}/identity-providers/{id}", { params: { path: { org, id: removing.id } } }))}
          onDone={renew}
          onClose={() => setRemoving(null)}
        >
          <p>Nobody signs in to {organizationName} through it any more, sessions begun through it end, and people leave the groups that it put them in. They stay users.</p>
        </Confirm>
      )}
    </section>
  );
}

function CopyMenu({ one }: { one: Provider }) {
  const { slug: org } = useOrganization();
  const copy = useCopy();
  const link = `${location.origin}/sign-in?${new URLSearchParams({ org, provider: one.id })}`;
  return (
    <Menu align="end" label={`Copy for ${one.name}`} trigger={<Button aria-label={`Copy for ${one.name}`}>Copy <span className="caret" aria-hidden="true">▾</span></Button>}>
      <MenuItem onSelect={() => copy(one.redirect_uri, "Redirect address")} hint="for the provider">Redirect address</MenuItem>
      <MenuItem onSelect={() => copy(link, "Sign-in link")} hint="for people">Sign-in link</MenuItem>
    </Menu>
  );
}

function SpeaksFor({ one }: { one: Provider }) {
  if (one.authoritative_domains.length === 0) return <span className="muted">no domain</span>;
  return <Text>{one.authoritative_domains.join(", ")}</Text>;
}

function GivesGroups({ one }: { one: Provider }) {
  const values = Object.keys(one.group_mapping);
  if (values.length === 0) return <span className="muted">gives none</span>;
  return <span title={values.join(", ")}>by {counted(values.length, "value")} of <code><Text>{one.groups_claim}</Text></code></span>;
}
