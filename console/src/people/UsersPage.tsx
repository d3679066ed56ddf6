// The users of an organization: who they are and which groups they are in.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { api, body } from "../api/client";
import { may, useSession } from "../api/session";
import { useOrganization } from "../app/organization";
import { MayNotChange } from "../app/WhomToAsk";
import { browserOf } from "../text/browser";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button, ButtonLink } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { NotYet } from "../ui/NotYet";
import { PageHead } from "../ui/PageHead";
import { Empty, Failed } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { EffectivePermissions } from "./EffectivePermissions";
import { GroupChooser } from "./GroupChooser";
import { Invite, PendingInvitations } from "./Invitations";
import { AuditOf, NamedIn, NamesIn } from "./links";
import { useRenew, userQuery, userSessionsQuery, usersQuery, type User } from "./queries";
import { Searched, SearchInput, usePaused } from "./Searched";
import { UserTokens } from "./UserTokens";
import "../styles/pages.css";

const ORIGINS: Record<User["origin"], string> = {
  operator: "Added by the operator",
  administrator: "Added by an administrator",
  invitation: "Accepted an invitation",
  oidc: "Through the identity provider",
  scim: "Through SCIM",
};

export function Component() {
  const { id } = useParams();
  return id ? <UserPage id={id} /> : <UserList />;
}

function UserList() {
  const organization = useOrganization();
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(false);
  const paused = usePaused(search);
  const users = useInfiniteQuery(usersQuery(organization.slug, paused));
  return (
    <main className="page" id="main">
      <PageHead
        title="Users"
        about={<>People who belong to {organization.name}. What they may do comes from the roles of their groups.</>}
        actions={may(organization, "users_invite") && <><Button onClick={() => setAdding(true)}>Add user</Button><Invite /></>}
      />
      {!may(organization, "users_invite") && !may(organization, "users_update") && !may(organization, "users_delete") && <MayNotChange permission="users_invite" />}
      <SearchInput label="Search users" value={search} onChange={setSearch} />
      <Searched
        label="Users"
        query={users}
        rowsOf={(page) => page.users}
        keyOf={(user) => user.id}
        search={paused}
        none={<Empty title="No users yet">{may(organization, "users_invite") && "Add somebody to let them sign in."}</Empty>}
        columns={[
          {
            title: "Name",
            cell: (user) => <NamedIn path="users" one={user} about={user.active ? user.email : `${user.email} · deactivated`} />,
          },
          { title: "Groups", cell: (user) => <NamesIn path="groups" names={user.groups} none="none" /> },
          { title: "State", narrow: true, wide: true, cell: (user) => (user.active ? "Active" : <span className="badge badge-warning">Deactivated</span>) },
          { title: "Since", narrow: true, wide: true, cell: (user) => <When time={user.joined_at} /> },
        ]}
      />
      <PendingInvitations />
      {adding && <AddUser onClose={() => setAdding(false)} />}
    </main>
  );
}

function AddUser({ onClose }: { onClose: () => void }) {
  const { slug: org, name: organizationName } = useOrganization();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [groups, setGroups] = useState<string[]>([]);
  const renew = useRenew(org);
  const tell = useTell();
  return (
    <FormDialog
      title="Add user"
      about={`Whoever has an account already keeps it, and belongs to ${organizationName} too.`}
      verb="Add user"
      run={() => body(api.POST("/v1/orgs/{org}/users", { params: { path: { org } }, body: { email, name, ...(password ? { password } : {}), groups } }))}
      onDone={(user) => {
        tell(`${user.name} was added`);
        renew();
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="E-mail address" type="email" required autoFocus value={email} error={errorOf("/email")} onChange={(event) => setEmail(event.target.value)} />
          <TextField label="Name" required maxLength={128} value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />
          <TextField
            label="First password" type="password" autoComplete="new-password" minLength={12} maxLength={256} value={password} error={errorOf("/password")}
            hint="12 characters or more, for a new account. Leave it empty for who signs in through an identity provider."
            onChange={(event) => setPassword(event.target.value)}
          />
          <fieldset>
            <legend>Groups</legend>
            <GroupChooser chosen={groups} onChange={setGroups} />
          </fieldset>
        </>
      )}
    </FormDialog>
  );
}

function UserPage({ id }: { id: string }) {
  const organization = useOrganization();
  const org = organization.slug;
  const user = useQuery(userQuery(org, id));
  const navigate = useNavigate();
  const renew = useRenew(org);
  const tell = useTell();
  const [dialog, setDialog] = useState<"rename" | "remove" | "state" | null>(null);
  const close = () => setDialog(null);
  const back = { to: `/orgs/${org}/users`, label: "Users" };
  if (!user.data) return <NotYet query={user} title="User" back={back} />;
  const { name, email, active, joined_at, origin, groups, password_by } = user.data;
  return (
    <main className="page" id="main">
      <PageHead
        back={back}
        title={<Text>{name}</Text>}
        about={<Text>{email}</Text>}
        actions={
          <>
            <AuditOf phrase={`actor:${id}`} label="What they did" />
            <AuditOf phrase={`target:user:${id}`} label="What was done to them" />
            {may(organization, "records_erase") && organization.scope?.level === "organization" && <ButtonLink to={`/orgs/${org}/erasures?erase=${encodeURIComponent(`user:${id}`)}`}>Erase from the log…</ButtonLink>}
            {may(organization, "users_update") && <Button onClick={() => setDialog("rename")}>Rename</Button>}
            {may(organization, "users_update") && <Button onClick={() => setDialog("state")}>{active ? "Deactivate" : "Activate"}</Button>}
            {may(organization, "users_delete") && <Button kind="danger" onClick={() => setDialog("remove")}>Remove</Button>}
          </>
        }
      />
      <dl className="facts">
        <dt>Groups</dt><dd><NamesIn path="groups" names={groups} none="In no group: they may do nothing here." /></dd>
        <dt>State</dt><dd>{active ? "Active" : <span className="badge badge-warning">Deactivated: cannot use this organization</span>}</dd>
        <dt>Member since</dt><dd><When time={joined_at} /></dd>
        <dt>How they came</dt><dd>{ORIGINS[origin]}</dd>
        {password_by && (
          <>
            <dt>Password known to</dt>
            <dd><NamesIn path="users" names={[{ id: password_by.id, name: password_by.name ?? password_by.id }]} none="" /></dd>
          </>
        )}
        <dt>Id</dt><dd><code>{id}</code></dd>
      </dl>
      <section className="page-section" aria-labelledby="permissions-title">
        <h2 id="permissions-title">What they may do, and why</h2>
        <EffectivePermissions org={org} id={id} />
      </section>
      {may(organization, "sessions_view") && <UserSessions id={id} />}
      <UserTokens id={id} />
      {dialog === "rename" && <RenameUser user={user.data} onClose={close} />}
      {dialog === "state" && (
        <Confirm
          title={active ? `Deactivate ${name}?` : `Activate ${name}?`}
          verb={active ? "Deactivate" : "Activate"}
          run={() => body(api.PATCH("/v1/orgs/{org}/users/{id}", { params: { path: { org, id } }, body: { active: !active } }))}
          onDone={renew}
          onClose={close}
        >
          <p>{active ? "They lose access to this organization with their next request. Their groups stay." : "They have again what their groups give them."}</p>
        </Confirm>
      )}
      {dialog === "remove" && (
        <Confirm
          title={`Remove ${name}?`}
          verb="Remove user"
          run={() => body(api.DELETE("/v1/orgs/{org}/users/{id}", { params: { path: { org, id } } }))}
          onDone={() => {
            tell(`${name} was removed`);
            renew();
            void navigate(back.to);
          }}
          onClose={close}
        >
          <p>They lose access to {organization.name} with their next request.{groups.length > 0 && " They leave these groups:"}</p>
          <ul>{groups.map((group) => <li key={group.id}><Text>{group.name}</Text></li>)}</ul>
          <p>What they did stays in the audit log.</p>
        </Confirm>
      )}
    </main>
  );
}

function RenameUser({ user, onClose }: { user: User; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [name, setName] = useState(user.name);
  const renew = useRenew(org);
  return (
    <FormDialog
      title="Rename user"
      verb="Save"
      run={() => body(api.PATCH("/v1/orgs/{org}/users/{id}", { params: { path: { org, id: user.id } }, body: { name } }))}
      onDone={renew}
      onClose={onClose}
    >
      {(errorOf) => <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />}
    </FormDialog>
  );
}

function UserSessions({ id }: { id: string }) {
  const organization = useOrganization();
  const { user: self } = useSession();
  const org = organization.slug;
  const sessions = useQuery(userSessionsQuery(org, id));
  const renew = useRenew(org);
  const [ending, setEnding] = useState<string | null>(null);
  const rows = sessions.data?.sessions ?? [];
  return (
    <section className="page-section" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Sessions that open this organization</h2>
      {sessions.error ? (
        <Failed error={sessions.error} />
      ) : rows.length === 0 ? (
        <p className="muted">{sessions.isPending ? "Loading…" : "They are not signed in."}</p>
      ) : (
        <Table
          label="Sessions"
          rows={rows}
          keyOf={(session) => session.id}
          columns={[
            { title: "From", narrow: true, cell: (session) => <Text>{session.ip ?? "unknown"}</Text> },
            { title: "Browser", optional: true, cell: (session) => <span title={session.user_agent ?? undefined}><Text>{browserOf(session.user_agent ?? "unknown")}</Text></span> },
            { title: "Since", narrow: true, cell: (session) => <When time={session.created_at} /> },
            { title: "Last used", narrow: true, cell: (session) => <When time={session.last_used_at} /> },
            {
              title: "", narrow: true,
              cell: (session) => may(organization, "sessions_revoke") && id !== self.id && <Button onClick={() => setEnding(session.id)}>End</Button>,
            },
          ]}
        />
      )}
      {ending && (
        <Confirm
          title="End this session?"
          verb="End session"
          run={() => body(api.DELETE("/v1/orgs/{org}/sessions/{id}", { params: { path: { org, id: ending } } }))}
          onDone={renew}
          onClose={() => setEnding(null)}
        >
          <p>It opens {organization.name} no longer. They can sign in again.</p>
        </Confirm>
      )}
    </section>
  );
}
