// The groups of an organization: their users, and the roles that these have through them.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { api, body } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { MayNotChange } from "../app/WhomToAsk";
import { counted } from "../audit/words";
import { Text } from "../text/Text";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { NotYet } from "../ui/NotYet";
import { PageHead } from "../ui/PageHead";
import { Empty } from "../ui/states";
import { Tabs } from "../ui/Tabs";
import { useTell } from "../ui/Toast";
import { GroupRoles } from "./GroupRoles";
import { GroupUsers } from "./GroupUsers";
import { AuditOf, NamedIn } from "./links";
import { groupQuery, groupsQuery, useRenew, type Group } from "./queries";
import { Searched, SearchInput, usePaused } from "./Searched";
import "../styles/pages.css";

type Tab = "users" | "roles";

export function Component() {
  const { id, tab } = useParams();
  return id ? <GroupPage id={id} tab={tab === "roles" ? "roles" : "users"} /> : <GroupList />;
}

function GroupList() {
  const organization = useOrganization();
  const [search, setSearch] = useState("");
  const [creating, setCreating] = useState(false);
  const paused = usePaused(search);
  const groups = useInfiniteQuery(groupsQuery(organization.slug, paused));
  return (
    <main className="page" id="main">
      <PageHead
        title="Groups"
        about="Users of a group have the roles that are given to it."
        actions={may(organization, "groups_manage") && <Button kind="primary" onClick={() => setCreating(true)}>Create group</Button>}
      />
      {!may(organization, "groups_manage") && <MayNotChange permission="groups_manage" />}
      <SearchInput label="Search groups" value={search} onChange={setSearch} />
      <Searched
        label="Groups"
        query={groups}
        rowsOf={(page) => page.groups}
        keyOf={(group) => group.id}
        search={paused}
        none={<Empty title="No groups" />}
        columns={[
          {
            title: "Name",
            cell: (group) => <NamedIn path="groups" one={group} about={group.description} />,
          },
          { title: "Users", narrow: true, cell: (group) => group.member_count.toLocaleString("en") },
          { title: "Roles", cell: (group) => <span className="badges">{group.roles.map((role) => <span key={role.role} className="badge"><Text>{role.name}</Text></span>)}</span> },
          { title: "", narrow: true, optional: true, cell: (group) => group.default && <span className="badge">Default</span> },
        ]}
      />
      {creating && <EditGroup onClose={() => setCreating(false)} />}
    </main>
  );
}

function EditGroup({ group, onClose }: { group?: Group; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [name, setName] = useState(group?.name ?? "");
  const [description, setDescription] = useState(group?.description ?? "");
  const navigate = useNavigate();
  const renew = useRenew(org);
  const run = () =>
    group
      ? body(api.PATCH("/v1/orgs/{org}/groups/{id}", { params: { path: { org, id: group.id } }, body: { name, description } }))
      : body(api.POST("/v1/orgs/{org}/groups", { params: { path: { org } }, body: { name, description } }));
  return (
    <FormDialog
      title={group ? "Edit group" : "Create group"}
      verb={group ? "Save" : "Create"}
      run={run}
      onDone={(made) => {
        renew();
        // Next come its roles and users.
        if (!group) void navigate(`/orgs/${org}/groups/${made.id}/roles`);
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />
          <TextArea label="Description" rows={2} maxLength={1024} value={description} error={errorOf("/description")} onChange={(event) => setDescription(event.target.value)} />
        </>
      )}
    </FormDialog>
  );
}

function GroupPage({ id, tab }: { id: string; tab: Tab }) {
  const organization = useOrganization();
  const org = organization.slug;
  const group = useQuery(groupQuery(org, id));
  const navigate = useNavigate();
  const renew = useRenew(org);
  const tell = useTell();
  const [dialog, setDialog] = useState<"edit" | "delete" | null>(null);
  const back = { to: `/orgs/${org}/groups`, label: "Groups" };
  if (!group.data) return <NotYet query={group} title="Group" back={back} />;
  const { name, description, default: isDefault, member_count, roles } = group.data;
  const manages = may(organization, "groups_manage") && !isDefault;
  return (
    <main className="page" id="main">
      <PageHead
        back={back}
        title={<Text>{name}</Text>}
        about={<Text>{description}</Text>}
        actions={
          <>
            {isDefault && <span className="badge" title="Every organization has it; it cannot be deleted">Default</span>}
            <AuditOf phrase={`target:group:${id}`} />
            {manages && <Button onClick={() => setDialog("edit")}>Edit</Button>}
            {manages && <Button kind="danger" onClick={() => setDialog("delete")}>Delete</Button>}
          </>
        }
      />
      <Tabs<Tab>
        label="Of this group"
        value={tab}
        onChange={(chosen) => void navigate(`/orgs/${org}/groups/${id}/${chosen}`, { replace: true })}
        tabs={[{ value: "users", label: `Users (${member_count})` }, { value: "roles", label: `Roles (${roles.length})` }]}
      >
        {tab === "users" ? <GroupUsers group={group.data} /> : <GroupRoles group={group.data} />}
      </Tabs>
      {dialog === "edit" && <EditGroup group={group.data} onClose={() => setDialog(null)} />}
      {dialog === "delete" && (
        <Confirm
          title={`Delete group ${name}?`}
          verb="Delete group"
          run={() => body(api.DELETE("/v1/orgs/{org}/groups/{id}", { params: { path: { org, id } } }))}
          onDone={() => {
            tell(`Group ${name} was deleted`);
            renew();
            void navigate(back.to);
          }}
          onClose={() => setDialog(null)}
        >
          <p>{whatIsLost(member_count, roles.length)}</p>
          <ul>{roles.map((role) => <li key={role.role}><Text>{role.name}</Text></li>)}</ul>
        </Confirm>
      )}
    </main>
  );
}

/** What goes with a group, before the names of its roles. */
function whatIsLost(users: number, roles: number): string {
  if (users === 0) return roles === 0 ? "Nobody is in it, and it has no role." : "Nobody is in it: nobody loses what its roles give.";
  if (roles === 0) return `It has no role: ${users === 1 ? "its user loses" : `its ${counted(users, "user")} lose`} nothing.`;
  return `${counted(users, "user")} ${users === 1 ? "loses" : "lose"} what ${roles === 1 ? "this role" : "these roles"} gave them through it:`;
}
