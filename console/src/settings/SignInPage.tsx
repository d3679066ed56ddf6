// How people come in: domains whose people may join, identity providers, and tokens for provisioning through SCIM.
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { asProblem } from "../api/problem";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { useCopy } from "../ui/copying";
import { TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { PageHead } from "../ui/PageHead";
import { SecretDialog } from "../ui/Secret";
import { Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import "../styles/pages.css";

type Provider = Schemas["IdentityProvider"];
type ScimToken = Schemas["ScimToken"];

const queries = {
  settings: (org: string) =>
    queryOptions({ queryKey: ["sign-in", org, "settings"], queryFn: ({ signal }) => body(api.GET("/v1/orgs/{org}/sign-in", { params: { path: { org } }, signal })) }),
  providers: (org: string) =>
    queryOptions({
      queryKey: ["sign-in", org, "providers"],
      queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/identity-providers", { params: { path: { org } }, signal }))).identity_providers,
    }),
  tokens: (org: string) =>
    queryOptions({
      queryKey: ["sign-in", org, "tokens"],
      queryFn: async ({ signal }) => (await body(api.GET("/v1/orgs/{org}/scim-tokens", { params: { path: { org } }, signal }))).tokens,
    }),
};

function useRenewed(org: string): () => void {
  const client = useQueryClient();
  return () => void client.invalidateQueries({ queryKey: ["sign-in", org] });
}

export function Component() {
  return (
    <main className="page" id="main">
      <PageHead title="Sign-in & provisioning" about="How people come into this organization, beside being added by an administrator." />
      <Domains />
      <Providers />
      <ScimTokens />
    </main>
  );
}

function Domains() {
  const organization = useOrganization();
  const org = organization.slug;
  const settings = useQuery(queries.settings(org));
  if (settings.isPending) return <Loading rows={2} />;
  if (!settings.data) return <Failed error={settings.error} retry={() => void settings.refetch()} />;
  return <DomainForm key={settings.data.joining_domains.join()} domains={settings.data.joining_domains} />;
}

function DomainForm({ domains }: { domains: string[] }) {
  const organization = useOrganization();
  const org = organization.slug;
  const [typed, setTyped] = useState(domains.join("\n"));
  const renew = useRenewed(org);
  const tell = useTell();
  const wanted = typed.split(/[\s,]+/).filter(Boolean);
  const save = useMutation({
    mutationFn: () => body(api.PATCH("/v1/orgs/{org}/sign-in", { params: { path: { org } }, body: { joining_domains: wanted } })),
    onSuccess: () => {
      tell("Saved");
      renew();
    },
  });
  const manages = may(organization, "sign_in_manage");
  return (
    <section className="page-section" aria-labelledby="domains-title">
      <h2 id="domains-title">Domains whose people may join</h2>
      <p className="muted">Whoever signs in through an identity provider with a proved address of one of these becomes a user, without being added.</p>
      <TextArea
        label="Domains, one per line" rows={3} cols={50} readOnly={!manages} value={typed} error={save.error ? asProblem(save.error).detail : undefined}
        placeholder="example.com" onChange={(event) => setTyped(event.target.value)}
      />
      {manages && <Button disabled={save.isPending || wanted.join() === domains.join()} onClick={() => save.mutate()}>Save</Button>}
    </section>
  );
}

function Providers() {
  const organization = useOrganization();
  const org = organization.slug;
  const providers = useQuery(queries.providers(org));
  const renew = useRenewed(org);
  const copy = useCopy();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Provider | null>(null);
  const manages = may(organization, "sign_in_manage");
  return (
    <section className="page-section" aria-labelledby="providers-title">
      <h2 id="providers-title">Identity providers</h2>
      <p className="muted">OpenID Connect. Groups of the provider can be mapped to groups here; the API’s reference names every setting.</p>
      {providers.error ? (
        <Failed error={providers.error} />
      ) : providers.data && providers.data.length > 0 ? (
        <Table
          label="Identity providers"
          rows={providers.data}
          keyOf={(one) => one.id}
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
            { title: "Client", optional: true, cell: (one) => <Text>{one.client_id}</Text> },
            { title: "State", narrow: true, cell: (one) => (one.enabled ? "In use" : <span className="badge badge-warning">Off</span>) },
            {
              title: "", narrow: true,
              cell: (one) => (
                <span className="table-actions">
                  <Button onClick={() => copy(one.redirect_uri, "Redirect address")}>Copy redirect address</Button>
                  <Button onClick={() => copy(`${location.origin}/sign-in?${new URLSearchParams({ org, provider: one.id })}`, "Sign-in link")}>Copy sign-in link</Button>
                  {manages && <Button kind="danger" onClick={() => setRemoving(one)}>Remove</Button>}
                </span>
              ),
            },
          ]}
        />
      ) : (
        <p className="muted">{providers.isPending ? "Loading…" : "None."}</p>
      )}
      {manages && <Button onClick={() => setAdding(true)}>Add identity provider</Button>}
      {adding && <AddProvider onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}?`}
          verb="Remove"
          run={() => body(api.DELETE("/v1/orgs/{org}/identity-providers/{id}", { params: { path: { org, id: removing.id } } }))}
          onDone={() => {
            renew();
            setRemoving(null);
          }}
          onClose={() => setRemoving(null)}
        >
          <p>Nobody can sign in to this organization through it any more, and sessions begun through it open the organization no longer.</p>
        </Confirm>
      )}
    </section>
  );
}

function AddProvider({ onClose }: { onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [name, setName] = useState("");
  const [issuer, setIssuer] = useState("");
  const [client, setClient] = useState("");
  const [secret, setSecret] = useState("");
  const [domains, setDomains] = useState("");
  const renew = useRenewed(org);
  const authoritative = domains.split(/[\s,]+/).filter(Boolean);
  return (
    <FormDialog
      title="Add identity provider"
      verb="Add"
      run={() =>
        body(
          api.POST("/v1/orgs/{org}/identity-providers", {
            params: { path: { org } },
            body: {
              name, issuer, client_id: client,
              ...(secret ? { client_secret: secret } : {}),
              ...(authoritative.length > 0 ? { authoritative_domains: authoritative } : {}),
            },
          }),
        )
      }
      onDone={() => {
        renew();
        onClose();
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />
          <TextField label="Issuer" type="url" required value={issuer} error={errorOf("/issuer")} hint="As its discovery document says: https://login.example.com" onChange={(event) => setIssuer(event.target.value)} />
          <TextField label="Client id" required value={client} error={errorOf("/client_id")} onChange={(event) => setClient(event.target.value)} />
          <TextField label="Client secret" type="password" autoComplete="off" value={secret} error={errorOf("/client_secret")} hint="Empty for a public client" onChange={(event) => setSecret(event.target.value)} />
          <TextField label="Domains it speaks for" value={domains} error={errorOf("/authoritative_domains")} hint="With commas between" onChange={(event) => setDomains(event.target.value)} />
        </>
      )}
    </FormDialog>
  );
}

function ScimTokens() {
  const organization = useOrganization();
  const org = organization.slug;
  const tokens = useQuery(queries.tokens(org));
  const renew = useRenewed(org);
  const [creating, setCreating] = useState(false);
  const [name, setName] = useState("");
  const [secret, setSecret] = useState<Schemas["ScimTokenWithSecret"] | null>(null);
  const [revoking, setRevoking] = useState<ScimToken | null>(null);
  const manages = may(organization, "sign_in_manage");
  return (
    <section className="page-section" aria-labelledby="scim-title">
      <h2 id="scim-title">Provisioning through SCIM</h2>
      <p className="muted">Base address: <code>{location.origin}/v1/orgs/{org}/scim/v2</code></p>
      {tokens.error ? (
        <Failed error={tokens.error} />
      ) : tokens.data && tokens.data.length > 0 ? (
        <Table
          label="SCIM tokens"
          rows={tokens.data}
          keyOf={(one) => one.id}
          columns={[
            {
              title: "Name",
              cell: (one) => (
                <>
                  <b><Text>{one.name}</Text></b>
                  {one.suspended && <div className="muted">Does nothing: who made it does not hold every permission any more.</div>}
                </>
              ),
            },
            { title: "Created", narrow: true, cell: (one) => <When time={one.created_at} /> },
            { title: "", narrow: true, cell: (one) => manages && <Button kind="danger" onClick={() => setRevoking(one)}>Revoke</Button> },
          ]}
        />
      ) : (
        <p className="muted">{tokens.isPending ? "Loading…" : "No tokens."}</p>
      )}
      <p className="muted">Only who holds every permission can create a token, and it works only while they do: it can remove anybody.</p>
      {manages && <Button onClick={() => setCreating(true)}>Create token</Button>}
      {creating && (
        <FormDialog
          title="Create SCIM token"
          verb="Create"
          run={() => body(api.POST("/v1/orgs/{org}/scim-tokens", { params: { path: { org } }, body: { name } }))}
          onDone={(made) => {
            renew();
            setCreating(false);
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
          onDone={() => {
            renew();
            setRevoking(null);
          }}
          onClose={() => setRevoking(null)}
        >
          <p>Whoever provisions with it is refused from the next request on. Users and groups stay as they are.</p>
        </Confirm>
      )}
    </section>
  );
}
