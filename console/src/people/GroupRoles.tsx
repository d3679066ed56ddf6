// The roles of a group: giving it one for the organization or for some projects, and taking it away.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";

import { api, body } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { facetsQuery } from "../audit/queries";
import { Text } from "../text/Text";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { Select, TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { Empty } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { rolesQuery, useRenew, type Assignment, type Group } from "./queries";

const SUGGESTED_MAX = 50;

export function GroupRoles({ group }: { group: Group }) {
  const organization = useOrganization();
  const org = organization.slug;
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Assignment | null>(null);
  const renew = useRenew(org);
  const manages = may(organization, "groups_manage");
  return (
    <section className="page-section">
      {manages && (
        <div className="list-tools">
          <span className="muted">What its users may do comes from these.</span>
          <Button kind="primary" onClick={() => setAdding(true)}>Add role</Button>
        </div>
      )}
      {group.roles.length === 0 ? (
        <Empty title="This group has no role yet">{manages && "Add one to let its users do something."}</Empty>
      ) : (
        <Table
          label="Roles of the group"
          rows={group.roles}
          keyOf={(one) => `${one.role} ${one.level} ${(one.projects ?? []).join(" ")}`}
          columns={[
            { title: "Role", cell: (one) => <Link to={`/orgs/${org}/roles/${one.role}`}><Text>{one.name}</Text></Link> },
            { title: "For", cell: (one) => (one.level === "organization" ? "The organization" : <Text>{`Projects: ${(one.projects ?? []).join(", ")}`}</Text>) },
            { title: "", narrow: true, cell: (one) => manages && <Button onClick={() => setRemoving(one)} aria-label={`Remove role ${one.name}`}>Remove</Button> },
          ]}
        />
      )}
      {adding && <AddRole group={group} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Take role ${removing.name} away?`}
          verb="Take it away"
          run={() => body(api.DELETE("/v1/orgs/{org}/groups/{id}/roles/{member}", { params: { path: { org, id: group.id, member: removing.role } } }))}
          onDone={renew}
          onClose={() => setRemoving(null)}
        >
          <p>{group.member_count === 0 ? <>Nobody is in {group.name}: nobody loses anything.</> : <>{counted(group.member_count, "user")} of {group.name} {group.member_count === 1 ? "loses" : "lose"} with the next request what only this role gives.</>}</p>
        </Confirm>
      )}
    </section>
  );
}

function AddRole({ group, onClose }: { group: Group; onClose: () => void }) {
  const organization = useOrganization();
  const org = organization.slug;
  const roles = useInfiniteQuery(rolesQuery(org, ""));
  const [role, setRole] = useState("");
  const [level, setLevel] = useState<"organization" | "project">("organization");
  const [typed, setTyped] = useState("");
  const renew = useRenew(org);
  const tell = useTell();
  // Projects that the log knows; others can be typed.
  const known = useQuery({ ...facetsQuery(org, { from: "-365d" }, ["project"], SUGGESTED_MAX, 0), enabled: level === "project" && may(organization, "audit_logs_view") });
  const suggestions = known.data?.facets.project ?? [];
  const projects = typed.split(",").map((one) => one.trim()).filter(Boolean);
  const choices = (roles.data?.pages ?? []).flatMap((page) => page.roles);
  const assignment = level === "organization" ? { role, level } : { role, level, projects };
  return (
    <FormDialog
      title={`Add a role to ${group.name}`}
      about="You can give only what you hold yourself."
      verb="Add role"
      run={() => body(api.POST("/v1/orgs/{org}/groups/{id}/roles", { params: { path: { org, id: group.id } }, body: assignment }))}
      onDone={(added) => {
        tell(`Role ${added.name} was added`);
        renew();
      }}
      onClose={onClose}
    >
      {(errorOf) => (
        <>
          <div className="field">
            <span className="field-label">Role</span>
            {/* Nothing is chosen beforehand: the first of the list may give everything. */}
            <Select label="Role" value={role} onChange={setRole} choices={[{ value: "", label: "Choose a role" }, ...choices.map((one) => ({ value: one.id, label: one.name }))]} />
            {errorOf("/role") && <span className="field-error" role="alert">Choose a role</span>}
          </div>
          <fieldset>
            <legend>For</legend>
            <label className="checkbox">
              <input type="radio" name="level" checked={level === "organization"} onChange={() => setLevel("organization")} />
              <span>The organization</span>
            </label>
            <label className="checkbox">
              <input type="radio" name="level" checked={level === "project"} onChange={() => setLevel("project")} />
              <span>Some projects: its users see and find only events of these</span>
            </label>
          </fieldset>
          {level === "project" && (
            <>
              <TextField label="Projects" required value={typed} error={errorOf("/projects")} hint="Ids, with commas between" onChange={(event) => setTyped(event.target.value)} />
              {suggestions.length > 0 && (
                <div className="badges">
                  {suggestions.map((one) => (
                    <button key={one.value} type="button" className="badge" disabled={projects.includes(one.value)} onClick={() => setTyped([...projects, one.value].join(", "))}>
                      <Text>{one.name ?? one.value}</Text>
                    </button>
                  ))}
                </div>
              )}
            </>
          )}
        </>
      )}
    </FormDialog>
  );
}
