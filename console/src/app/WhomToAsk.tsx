// What somebody lacks, and who can give it to them: the administrators of the organization, by name.
import { useQuery } from "@tanstack/react-query";
import { Fragment } from "react";

import { permissionsQuery } from "../api/permissions";
import type { Permission } from "../api/session";
import { Text } from "../text/Text";
import { useOrganization } from "./organization";

/** As many as somebody would try. */
const NAMED_MAX = 3;

/** Some administrators of the organization: "Priya Nair or Rosa Lind, administrators of Northwind". */
export function Administrators() {
  const { name, administrators } = useOrganization();
  const named = administrators.slice(0, NAMED_MAX);
  if (named.length === 0) return <>an administrator of {name}</>;
  const more = administrators.length > named.length;
  return (
    <>
      {named.map((one, index) => (
        <Fragment key={one}>
          {index > 0 && (index === named.length - 1 && !more ? " or " : ", ")}
          <b><Text>{one}</Text></b>
        </Fragment>
      ))}
      {more ? ` or another administrator of ${name}` : named.length === 1 ? `, administrator of ${name}` : `, administrators of ${name}`}
    </>
  );
}

/** A sentence: whom to ask, and for what. */
export function WhomToAsk({ permission, named = false }: {
  permission: Permission;
  /** Whether what stands before has named the permission. */
  named?: boolean;
}) {
  const areas = useQuery(permissionsQuery).data;
  const area = areas?.find(({ permissions }) => permissions.some(({ name }) => name === permission));
  return (
    <>
      Ask <Administrators />, for a role with {area && <>the area <code>{area.name}</code> or </>}{named ? "that permission" : <>the permission <code>{permission}</code></>}, given to one of your groups.
    </>
  );
}

/** For who sees a page and may change nothing on it. */
export function MayNotChange({ permission }: { permission: Permission }) {
  return (
    <p className="read-only">
      You can look at this, not change it. <WhomToAsk permission={permission} />
    </p>
  );
}
