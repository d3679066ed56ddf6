// The users of a group: adding and removing them.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { counted } from "../audit/words";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { FormDialog } from "../ui/Form";
import { Empty } from "../ui/states";
import { useTell } from "../ui/Toast";
import { Chooser } from "./Chooser";
import { NamedIn } from "./links";
import { membersQuery, useRenew, usersQuery, type Group, type GroupMember } from "./queries";
import { Searched, SearchInput, usePaused } from "./Searched";

export function GroupUsers({ group }: { group: Group }) {
  const organization = useOrganization();
  const org = organization.slug;
  const [search, setSearch] = useState("");
  const [adding, setAdding] = useState(false);
  const paused = usePaused(search);
  const members = useInfiniteQuery(membersQuery(org, group.id, paused));
  const renew = useRenew(org);
  const [removing, setRemoving] = useState<GroupMember | null>(null);
  const manages = may(organization, "groups_manage");
  return (
    <section className="page-section">
      <div className="list-tools">
        <SearchInput label="Search users of the group" value={search} onChange={setSearch} />
        {manages && <Button kind="primary" onClick={() => setAdding(true)}>Add user</Button>}
      </div>
      <Searched
        label="Users of the group"
        query={members}
        rowsOf={(page) => page.users}
        keyOf={(user) => user.id}
        search={paused}
        none={<Empty title="Nobody is in this group yet">{manages && "Add users to give them its roles."}</Empty>}
        columns={[
          {
            title: "Name",
            cell: (user) => <NamedIn path="users" one={user} about={user.email ?? ""} />,
          },
          { title: "", narrow: true, cell: (user) => manages && <Button onClick={() => setRemoving(user)} aria-label={`Remove ${user.name} from the group`}>Remove</Button> },
        ]}
      />
      {adding && <AddMembers group={group} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name} from ${group.name}?`}
          verb="Remove"
          run={() => body(api.DELETE("/v1/orgs/{org}/groups/{id}/members/{member}", { params: { path: { org, id: group.id, member: removing.id } } }))}
          onDone={renew}
          onClose={() => setRemoving(null)}
        >
          <p>With the next request they lose what only this group gives them.</p>
        </Confirm>
      )}
    </section>
  );
}

function AddMembers({ group, onClose }: { group: Group; onClose: () => void }) {
  const { slug: org } = useOrganization();
  const [chosen, setChosen] = useState<string[]>([]);
  const [search, setSearch] = useState("");
  const users = useInfiniteQuery(usersQuery(org, usePaused(search)));
  const renew = useRenew(org);
  const tell = useTell();
  const choices = (users.data?.pages ?? [])
    .flatMap((page) => page.users)
    .filter((user) => !user.groups.some((one) => one.id === group.id))
    .map(({ id, name, email }) => ({ id, name, hint: email }));
  const add = async () => {
    // One after the other: each is a change and a record of its own.
    for (const user of chosen) await body(api.POST("/v1/orgs/{org}/groups/{id}/members", { params: { path: { org, id: group.id } }, body: { user } }));
  };
  return (
    <FormDialog
      title={`Add users to ${group.name}`}
      about="They have its roles from their next request on."
      verb={chosen.length > 1 ? `Add ${chosen.length} users` : "Add"}
      run={add}
      onDone={() => {
        tell(`${counted(chosen.length, "user")} added`);
      }}
      onClose={() => {
        renew();
        onClose();
      }}
    >
      {() => (
        <Chooser
          label="Search users" choices={choices} chosen={chosen} onChange={setChosen} search={search} onSearch={setSearch}
          pending={users.isPending && !users.error} none={users.error ? "The users cannot be shown to you." : "Nobody else is called that."}
        />
      )}
    </FormDialog>
  );
}
