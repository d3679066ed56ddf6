// Makes an identity provider, or changes one: everything that the API has of it.
import { useState } from "react";

import { api, body } from "../api/client";
import { useOrganization } from "../app/organization";
import { Checkbox, TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { GroupMapping } from "./GroupMapping";
import { bodyOf, changesOf, typedOf, type Typed } from "./provider";
import type { Provider } from "./queries";

type Errors = (pointer: string) => string | undefined;
type PartProps = { typed: Typed; set: (change: Partial<Typed>) => void; errorOf: Errors; known: Provider | undefined };

export function EditProvider({ known, onDone, onClose }: { known?: Provider; onDone: () => void; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [typed, setTyped] = useState(() => typedOf(known));
  const set = (change: Partial<Typed>) => setTyped((before) => ({ ...before, ...change }));
  const run = async () =>
    known
      ? body(api.PATCH("/v1/orgs/{org}/identity-providers/{id}", { params: { path: { org, id: known.id } }, body: changesOf(typed, known) }))
      : body(api.POST("/v1/orgs/{org}/identity-providers", { params: { path: { org } }, body: bodyOf(typed) }));
  return (
    <FormDialog title={known ? `Change ${known.name}` : "Add identity provider"} wide verb={known ? "Save" : "Add"} run={run} onDone={onDone} onClose={onClose}>
      {(errorOf) => {
        const part = { typed, set, errorOf, known };
        return (
          <>
            <Client {...part} />
            <People {...part} />
            <GroupMapping claim={typed.groupsClaim} lines={typed.mapping} errorOf={errorOf} onClaim={(groupsClaim) => set({ groupsClaim })} onChange={(mapping) => set({ mapping })} />
            <Checkbox checked={typed.enabled} onChange={(event) => set({ enabled: event.target.checked })}>
              People may sign in through it{known?.enabled && !typed.enabled && <span className="muted"> · sessions begun through it end when you save</span>}
            </Checkbox>
          </>
        );
      }}
    </FormDialog>
  );
}

/** Which provider it is, and who this service is there. */
function Client({ typed, set, errorOf, known }: PartProps) {
  const moved = known !== undefined && typed.issuer !== known.issuer;
  const kept = known?.has_client_secret === true && !moved;
  return (
    <div className="form-pairs">
      <TextField label="Name" required maxLength={128} autoFocus value={typed.name} error={errorOf("/name")} hint="What people here call it" onChange={(event) => set({ name: event.target.value })} />
      <TextField
        label="Issuer" type="url" required spellCheck={false} value={typed.issuer} error={errorOf("/issuer")}
        hint={moved ? "Another issuer: the secret that is kept is forgotten, and sessions begun through it end." : "Letter by letter as its discovery document says: https://login.example.com"}
        onChange={(event) => set({ issuer: event.target.value })}
      />
      <TextField label="Client id" required spellCheck={false} value={typed.clientId} error={errorOf("/client_id")} hint="What this service is called there" onChange={(event) => set({ clientId: event.target.value })} />
      <div className="form-with">
        <TextField
          label="Client secret" type="password" autoComplete="off" disabled={typed.forgets} value={typed.secret} error={errorOf("/client_secret")}
          hint={kept ? "One is kept. Leave this empty to keep it." : "Empty for a public client"} onChange={(event) => set({ secret: event.target.value })}
        />
        {kept && <Checkbox checked={typed.forgets} onChange={(event) => set({ forgets: event.target.checked, secret: "" })}>Forget it: the client is public</Checkbox>}
      </div>
    </div>
  );
}

/** Whom it may sign in, and what it is asked for. */
function People({ typed, set, errorOf }: PartProps) {
  return (
    <div className="form-pairs">
      <TextArea
        label="Domains that it speaks for" rows={3} spellCheck={false} value={typed.domains} error={errorOf("/authoritative_domains")} placeholder="example.com"
        hint="One to a line. Users who are here already sign in through it only if their address is of one of these." onChange={(event) => set({ domains: event.target.value })}
      />
      <div className="form">
        <TextField label="Scopes" spellCheck={false} value={typed.scopes} error={errorOf("/scopes")} hint="Asked for besides openid, with spaces between" onChange={(event) => set({ scopes: event.target.value })} />
        <TextField
          label="Claim that says that an address is verified" required spellCheck={false} value={typed.verifiedClaim} error={errorOf("/email_verified_claim")}
          hint="email_verified with most; xms_edov with Entra ID" onChange={(event) => set({ verifiedClaim: event.target.value })}
        />
      </div>
    </div>
  );
}
