// What somebody may do in an organization, and because of which groups and roles.
import { useQuery } from "@tanstack/react-query";

import { permissionsQuery } from "../api/permissions";
import { counted } from "../audit/words";
import { Text } from "../text/Text";
import { Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { NamesIn } from "./links";
import { userPermissionsQuery } from "./queries";

export function EffectivePermissions({ org, id }: { org: string; id: string }) {
  const held = useQuery(userPermissionsQuery(org, id));
  const areas = useQuery(permissionsQuery).data;
  if (held.isPending) return <Loading rows={3} />;
  if (!held.data) return <Failed error={held.error} retry={() => void held.refetch()} />;
  const { because } = held.data;
  if (because.length === 0) return <p className="muted">Nothing: none of their groups has a role.</p>;
  const titles = new Map((areas ?? []).flatMap((area) => area.permissions.map((permission) => [permission.name as string, permission.title])));
  return (
    <Table
      label="What they may do, and why"
      rows={because}
      keyOf={(one) => `${one.group.id} ${one.role.id} ${one.assignment.level} ${(one.assignment.projects ?? []).join(" ")}`}
      columns={[
        { title: "Because of group", narrow: true, cell: (one) => <NamesIn path="groups" names={[one.group]} none="" /> },
        { title: "with role", narrow: true, cell: (one) => <NamesIn path="roles" names={[one.role]} none="" /> },
        {
          title: "for", narrow: true,
          cell: (one) => (one.assignment.level === "organization" ? "the organization" : <Text>{`projects ${(one.assignment.projects ?? []).join(", ")}`}</Text>),
        },
        {
          title: "they may",
          cell: (one) => (
            <details>
              <summary>{counted(one.permissions.length, "permission")}</summary>
              <ul>{one.permissions.map((permission) => <li key={permission}>{titles.get(permission) ?? permission} <code className="muted">{permission}</code></li>)}</ul>
            </details>
          ),
        },
      ]}
    />
  );
}
