// From an object to what was done to it or by it, and to the page of a user, group or role.
import { Link } from "react-router";

import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { Text } from "../text/Text";
import { ButtonLink } from "../ui/Button";
import type { Named } from "./queries";

/** The audit log, filtered to an object; for who may see it. */
export function AuditOf({ phrase, label = "Audit of this" }: { phrase: string; label?: string }) {
  const organization = useOrganization();
  if (!may(organization, "audit_logs_view")) return null;
  return <ButtonLink to={`/orgs/${organization.slug}/audit-logs?${new URLSearchParams({ q: phrase, from: "-365d" })}`}>{label}</ButtonLink>;
}

/** A name that leads to its page, and under it what tells it from others. */
export function NamedIn({ path, one, about }: { path: "users" | "groups" | "roles"; one: Named; about: string }) {
  const organization = useOrganization();
  return (
    <span className="two-lines">
      <Link to={`/orgs/${organization.slug}/${path}/${one.id}`}><Text>{one.name}</Text></Link>
      <span><Text>{about}</Text></span>
    </span>
  );
}

/** Names in a row, each a link to its page. */
export function NamesIn({ path, names, none }: { path: "users" | "groups" | "roles"; names: Named[]; none: string }) {
  const organization = useOrganization();
  if (names.length === 0) return <span className="muted">{none}</span>;
  return (
    <span className="badges">
      {names.map((one) => (
        <Link key={one.id} className="badge" to={`/orgs/${organization.slug}/${path}/${one.id}`}>
          <Text>{one.name}</Text>
        </Link>
      ))}
    </span>
  );
}
