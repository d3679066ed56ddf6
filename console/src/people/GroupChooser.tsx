// Choosing groups of the organization, for somebody who is added or invited.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useOrganization } from "../app/organization";
import { Chooser } from "./Chooser";
import { groupsQuery } from "./queries";
import { usePaused } from "./Searched";

export function GroupChooser({ chosen, onChange }: { chosen: string[]; onChange: (chosen: string[]) => void }) {
  const organization = useOrganization();
  const [search, setSearch] = useState("");
  const groups = useInfiniteQuery(groupsQuery(organization.slug, usePaused(search)));
  return (
    <Chooser
      label="Search groups"
      choices={(groups.data?.pages ?? []).flatMap((page) => page.groups).map(({ id, name, description }) => ({ id, name, hint: description }))}
      chosen={chosen}
      onChange={onChange}
      search={search}
      onSearch={setSearch}
      pending={groups.isPending && !groups.error}
      none={groups.error ? "The groups cannot be shown to you." : "No group is called that."}
    />
  );
}
