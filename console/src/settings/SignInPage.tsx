// How people come in: domains whose people may join, identity providers, and tokens for provisioning through SCIM.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { useOrganization } from "../app/organization";
import { Administrators } from "../app/WhomToAsk";
import { Button } from "../ui/Button";
import { TextArea } from "../ui/Field";
import { PageHead } from "../ui/PageHead";
import { Failed, Loading } from "../ui/states";
import { useTell } from "../ui/Toast";
import { linesOf } from "./lines";
import { Providers } from "./Providers";
import { queries, useManages, useRenewed } from "./queries";
import { ScimTokens } from "./ScimTokens";
import "../styles/pages.css";
import "./settings.css";

export function Component() {
  const organization = useOrganization();
  const manages = useManages(organization);
  return (
    <main className="page" id="main">
      <PageHead title="Sign-in & provisioning" about="How people come into this organization, beside being added by an administrator." />
      {!manages && (
        <p className="read-only">
          You can look at this, not change it: whoever decides how people sign in could sign in as any of them, so it takes every permission there is. Ask <Administrators /> to change it.
        </p>
      )}
      <Domains manages={manages} />
      <Providers manages={manages} />
      <ScimTokens manages={manages} />
    </main>
  );
}

function Domains({ manages }: { manages: boolean }) {
  const organization = useOrganization();
  const settings = useQuery(queries.settings(organization.slug));
  if (settings.isPending) return <Loading rows={2} />;
  if (!settings.data) return <Failed error={settings.error} retry={() => void settings.refetch()} />;
  const domains = settings.data.joining_domains;
  return (
    <section className="page-section" aria-labelledby="domains-title">
      <h2 id="domains-title">Domains whose people may join</h2>
      <p className="muted">Whoever signs in through an identity provider, with a verified address of one of these domains, becomes a user without being added.</p>
      {manages ? <DomainForm key={domains.join()} domains={domains} /> : <p>{domains.length > 0 ? domains.join(", ") : "None."}</p>}
    </section>
  );
}

function DomainForm({ domains }: { domains: string[] }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(domains.join("\n"));
  const renew = useRenewed(org);
  const tell = useTell();
  const wanted = linesOf(typed);
  const save = useMutation({
    mutationFn: () => body(api.PATCH("/v1/orgs/{org}/sign-in", { params: { path: { org } }, body: { joining_domains: wanted } })),
    onSuccess: () => {
      tell("Saved");
      renew();
    },
  });
  const problem = save.error && asProblem(save.error);
  return (
    <>
      <TextArea
        label="Domains, one to a line" rows={3} cols={50} spellCheck={false} value={typed} placeholder="example.com"
        error={problem ? (problem.of("/joining_domains") ?? problem.detail) : undefined} onChange={(event) => setTyped(event.target.value)}
      />
      <Button disabled={save.isPending || wanted.join() === domains.join()} onClick={() => save.mutate()}>Save domains</Button>
    </>
  );
}
