// Invitations of an organization: who was asked to join and has not answered; sent again, taken back, or made. Where no mail is
// sent, the link is shown once, to be handed over by who invites.
import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { asProblem } from "../api/problem";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { SecretDialog } from "../ui/Secret";
import { Failed } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { GroupChooser } from "./GroupChooser";
import { NamesIn } from "./links";
import { useRenew } from "./queries";

type Invitation = Schemas["Invitation"];
export type InvitationSent = Schemas["InvitationSent"];

function pendingQuery(org: string) {
  return infiniteQueryOptions({
    queryKey: ["people", org, "invitations", "pending"],
    queryFn: ({ pageParam, signal }) =>
      body(api.GET("/v1/orgs/{org}/invitations", { params: { path: { org }, query: { status: "pending", limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** Says that a mail is on its way, or shows the link that no mail took. */
function useSent(): { shown: InvitationSent | null; told: (sent: InvitationSent) => void; close: () => void } {
  const [shown, setShown] = useState<InvitationSent | null>(null);
  const tell = useTell();
  return {
    shown,
    told: (sent) => {
      if (sent.link) setShown(sent);
      else tell(`The invitation was sent to ${sent.email}`);
    },
    close: () => setShown(null),
  };
}

function LinkDialog({ sent, onClose }: { sent: InvitationSent; onClose: () => void }) {
  return (
    <SecretDialog
      title={`Invitation of ${sent.email}`} what="Link" secret={sent.link ?? ""} onClose={onClose}
      about={`${sent.mail === "failed" ? "The mail could not be delivered." : "No mail is sent from here."} Give the link to them and to nobody else: it lets its holder join, once, within 72 hours. It cannot be shown again.`}
    />
  );
}

/** The button that invites, with its dialogs. */
export function Invite() {
  const [inviting, setInviting] = useState(false);
  const sent = useSent();
  return (
    <>
      <Button kind="primary" onClick={() => setInviting(true)}>Invite</Button>
      {inviting && (
        <InviteUser
          onClose={() => setInviting(false)}
          onSent={sent.told}
        />
      )}
      {sent.shown && <LinkDialog sent={sent.shown} onClose={sent.close} />}
    </>
  );
}

function InviteUser({ onSent, onClose }: { onSent: (sent: InvitationSent) => void; onClose: () => void }) {
  const { slug: org, name: organizationName } = useOrganization();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const renew = useRenew(org);
  return (
    <FormDialog
      title="Invite somebody"
      about={`They get a link, good for 72 hours, and choose their own password. Who has an account already keeps it, and belongs to ${organizationName} too.`}
      verb="Invite"
      run={() => body(api.POST("/v1/orgs/{org}/invitations", { params: { path: { org } }, body: { email, ...(name ? { name } : {}), groups } }))}
      onDone={(answer) => {
        renew();
        onSent(answer);
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="E-mail address" type="email" required autoFocus value={email} error={errorOf("/email")} onChange={(event) => setEmail(event.target.value)} />
          <TextField label="Name" maxLength={128} value={name} error={errorOf("/name")} hint="They can change it when they accept." onChange={(event) => setName(event.target.value)} />
          <fieldset>
            <legend>Groups</legend>
            <GroupChooser chosen={groups} onChange={setGroups} />
          </fieldset>
        </>
      )}
    </FormDialog>
  );
}

/** Those that wait for an answer; nothing where there are none. */
export function PendingInvitations() {
  const organization = useOrganization();
  const org = organization.slug;
  const pending = useInfiniteQuery(pendingQuery(org));
  const renew = useRenew(org);
  const tell = useTell();
  const sent = useSent();
  const [revoking, setRevoking] = useState<Invitation | null>(null);
  const invites = may(organization, "users_invite");
  const rows = pending.data?.pages.flatMap((page) => page.invitations) ?? [];
  const resend = (id: string) => {
    body(api.POST("/v1/orgs/{org}/invitations/{id}/resend", { params: { path: { org, id } } })).then(
      (answer) => {
        renew();
        sent.told(answer);
      },
      (error: unknown) => tell(asProblem(error).detail, true),
    );
  };
  return (
    <>
      {pending.error && !pending.data && <Failed error={pending.error} retry={() => void pending.refetch()} />}
      {rows.length > 0 && (
        <section className="page-section" aria-labelledby="invited-title">
          <h2 id="invited-title">Invited</h2>
          <Table
            label="Invitations"
            rows={rows}
            keyOf={(one) => one.id}
            more={{ there: pending.hasNextPage, loading: pending.isFetchingNextPage, load: () => void pending.fetchNextPage() }}
            columns={[
              {
                title: "Address",
                cell: (one) => <span className="two-lines"><b><Text>{one.email}</Text></b><span>invited by <Text>{one.invited_by.name}</Text></span></span>,
              },
              { title: "Groups", optional: true, cell: (one) => <NamesIn path="groups" names={one.groups} none="none" /> },
              { title: "Good until", narrow: true, optional: true, cell: (one) => <When time={one.expires_at} /> },
              {
                title: "", narrow: true,
                cell: (one) => invites && (
                  <span className="table-actions">
                    <Button onClick={() => resend(one.id)} aria-label={`Send again: the invitation of ${one.email}`}>Send again</Button>
                    <Button kind="danger" onClick={() => setRevoking(one)} aria-label={`Revoke the invitation of ${one.email}`}>Revoke</Button>
                  </span>
                ),
              },
            ]}
          />
        </section>
      )}
      {sent.shown && <LinkDialog sent={sent.shown} onClose={sent.close} />}
      {revoking && (
        <Confirm
          title={`Revoke the invitation of ${revoking.email}?`}
          verb="Revoke invitation"
          run={() => body(api.DELETE("/v1/orgs/{org}/invitations/{id}", { params: { path: { org, id: revoking.id } } }))}
          onDone={renew}
          onClose={() => setRevoking(null)}
        >
          <p>Its link opens nothing from now on. You can invite them again.</p>
        </Confirm>
      )}
    </>
  );
}
