// The roles of an organization: what each permits, and which groups hold it.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";

import { api, body } from "../api/client";
import { permissionsQuery } from "../api/permissions";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { MayNotChange } from "../app/WhomToAsk";
import { counted } from "../audit/words";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { TextArea, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { NotYet } from "../ui/NotYet";
import { PageHead } from "../ui/PageHead";
import { Empty } from "../ui/states";
import { useTell } from "../ui/Toast";
import { AuditOf, NamedIn, NamesIn } from "./links";
import { PermissionPicker, type Chosen } from "./PermissionPicker";
import { roleQuery, rolesQuery, useRenew, type Role } from "./queries";
import { Searched, SearchInput, usePaused } from "./Searched";
import "../styles/pages.css";

export function Component() {
  const { id } = useParams();
  return id ? <RolePage id={id} /> : <RoleList />;
}

function RoleList() {
  const organization = useOrganization();
  const [search, setSearch] = useState("");
  const [creating, setCreating] = useState(false);
  const paused = usePaused(search);
  const roles = useInfiniteQuery(rolesQuery(organization.slug, paused));
  return (
    <main className="page" id="main">
      <PageHead
        title="Roles"
        about="A role says what may be done. It is given to groups, for the organization or for some projects."
        actions={may(organization, "roles_manage") && <Button kind="primary" onClick={() => setCreating(true)}>Create role</Button>}
      />
      {!may(organization, "roles_manage") && <MayNotChange permission="roles_manage" />}
      <SearchInput label="Search roles" value={search} onChange={setSearch} />
      <Searched
        label="Roles"
        query={roles}
        rowsOf={(page) => page.roles}
        keyOf={(role) => role.id}
        search={paused}
        none={<Empty title="No roles" />}
        columns={[
          {
            title: "Name",
            cell: (role) => <NamedIn path="roles" one={role} about={role.description} />,
          },
          { title: "Permissions", optional: true, cell: (role) => <Summary role={role} /> },
          { title: "Groups", cell: (role) => <NamesIn path="groups" names={role.groups ?? []} none="none" /> },
          { title: "", narrow: true, optional: true, cell: (role) => role.default && <span className="badge">Default</span> },
        ]}
      />
      {creating && <EditRole onClose={() => setCreating(false)} />}
    </main>
  );
}

/** Areas by name, and how many permissions beside them. */
function Summary({ role }: { role: Role }) {
  const areas = role.permissions.filter((one) => one === one.toUpperCase());
  const single = role.permissions.length - areas.length;
  return (
    <span className="badges">
      {areas.map((area) => <span key={area} className="badge mono">{area}</span>)}
      {single > 0 && <span className="muted">{areas.length > 0 ? `and ${single} more` : counted(single, "permission")}</span>}
    </span>
  );
}

function EditRole({ role, onClose }: { role?: Role; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [name, setName] = useState(role?.name ?? "");
  const [description, setDescription] = useState(role?.description ?? "");
  const [permissions, setPermissions] = useState<Chosen>((role?.permissions ?? []) as Chosen);
  const navigate = useNavigate();
  const renew = useRenew(org);
  const tell = useTell();
  const sent = { name, description, permissions };
  const run = () =>
    role
      ? body(api.PATCH("/v1/orgs/{org}/roles/{id}", { params: { path: { org, id: role.id } }, body: sent }))
      : body(api.POST("/v1/orgs/{org}/roles", { params: { path: { org } }, body: sent }));
  return (
    <FormDialog
      wide
      title={role ? "Edit role" : "Create role"}
      about={role ? "Whoever holds it has the change with their next request." : "You can give only what you hold yourself."}
      verb={role ? "Save" : "Create"}
      run={run}
      onDone={(made) => {
        tell(role ? `Role ${made.name} was changed` : `Role ${made.name} was created`);
        renew();
        if (!role) void navigate(`/orgs/${org}/roles/${made.id}`);
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <TextField label="Name" required maxLength={128} autoFocus value={name} error={errorOf("/name")} onChange={(event) => setName(event.target.value)} />
          <TextArea label="Description" rows={2} maxLength={1024} value={description} error={errorOf("/description")} onChange={(event) => setDescription(event.target.value)} />
          <fieldset>
            <legend>Permissions</legend>
            <PermissionPicker chosen={permissions} onChange={setPermissions} />
            {errorOf("/permissions") && <span className="field-error" role="alert">{errorOf("/permissions")}</span>}
          </fieldset>
        </>
      )}
    </FormDialog>
  );
}

function RolePage({ id }: { id: string }) {
  const organization = useOrganization();
  const org = organization.slug;
  const role = useQuery(roleQuery(org, id));
  const areas = useQuery(permissionsQuery).data ?? [];
  const navigate = useNavigate();
  const renew = useRenew(org);
  const tell = useTell();
  const [dialog, setDialog] = useState<"edit" | "delete" | null>(null);
  const back = { to: `/orgs/${org}/roles`, label: "Roles" };
  if (!role.data) return <NotYet query={role} title="Role" back={back} />;
  const { name, description, default: isDefault, groups = [], created_at, effective_permissions } = role.data;
  const manages = may(organization, "roles_manage") && !isDefault;
  return (
    <main className="page" id="main">
      <PageHead
        back={back}
        title={<Text>{name}</Text>}
        about={<Text>{description}</Text>}
        actions={
          <>
            <AuditOf phrase={`target:role:${id}`} />
            {manages && <Button onClick={() => setDialog("edit")}>Edit</Button>}
            {manages && <Button kind="danger" onClick={() => setDialog("delete")}>Delete</Button>}
          </>
        }
      />
      <dl className="facts">
        <dt>Groups that hold it</dt><dd><NamesIn path="groups" names={groups} none="No group: nobody has it." /></dd>
        {isDefault ? <><dt>Kind</dt><dd>Default: every organization has it, and it cannot be changed</dd></> : <><dt>Created</dt><dd><When time={created_at} /></dd></>}
        <dt>Id</dt><dd><code>{id}</code></dd>
      </dl>
      <section className="page-section" aria-labelledby="permits-title">
        <h2 id="permits-title">What it permits</h2>
        <dl className="facts">
          {areas.map((area) => {
            const held = area.permissions.filter((permission) => effective_permissions.includes(permission.name));
            return held.length > 0 && (
              <div key={area.name} style={{ display: "contents" }}>
                <dt><code>{area.name}</code></dt>
                <dd>{held.length === area.permissions.length ? <b>All: </b> : null}{held.map((permission) => permission.title).join(" · ")}</dd>
              </div>
            );
          })}
        </dl>
        {effective_permissions.length === 0 && <p className="muted">Nothing.</p>}
      </section>
      {dialog === "edit" && <EditRole role={role.data} onClose={() => setDialog(null)} />}
      {dialog === "delete" && (
        <Confirm
          title={`Delete role ${name}?`}
          verb="Delete role"
          run={() => body(api.DELETE("/v1/orgs/{org}/roles/{id}", { params: { path: { org, id } } }))}
          onDone={() => {
            tell(`Role ${name} was deleted`);
            renew();
            void navigate(back.to);
          }}
          onClose={() => setDialog(null)}
        >
          {groups.length === 0 ? <p>No group holds it.</p> : <p>These groups lose what it permits with their next request:</p>}
          <ul>{groups.map((group) => <li key={group.id}><Text>{group.name}</Text></li>)}</ul>
        </Confirm>
      )}
    </main>
  );
}
