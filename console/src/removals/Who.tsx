// Who asked or decided. Once it has ended only type and id are kept: the name is the directory's, for who may see users.
import { useQuery } from "@tanstack/react-query";

import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { actorLabel, type Actor } from "../audit/event";
import { userQuery } from "../people/queries";
import { Text } from "../text/Text";

export function Who({ actor }: { actor: Actor }) {
  const organization = useOrganization();
  const nameless = actor.type === "user" && actor.id !== undefined && !actor.name;
  const { data } = useQuery({ ...userQuery(organization.slug, actor.id ?? ""), enabled: nameless && may(organization, "users_view"), retry: false, staleTime: 60_000 });
  return <Text>{actor.id === "operator" ? "the operator" : (data?.name ?? actorLabel(actor))}</Text>;
}
