// What is typed about an identity provider, and the body that is sent for it. Pure.
import type { Schemas } from "../api/client";
import { ApiProblem, type ErrorItem } from "../api/problem";
import { linesOf } from "./lines";
import type { Provider } from "./queries";

/** A value of the groups claim, and the groups that it gives. */
export type Mapped = { key: number; value: string; groups: string[] };

export type Typed = {
  name: string;
  issuer: string;
  clientId: string;
  secret: string;
  /** Whether the secret that is kept is to be taken away. */
  forgets: boolean;
  scopes: string;
  verifiedClaim: string;
  domains: string;
  groupsClaim: string;
  mapping: Mapped[];
  enabled: boolean;
};

/** What the service takes where nothing is said. */
const DEFAULTS = { scopes: ["email", "profile"], verifiedClaim: "email_verified", groupsClaim: "groups" };

export function typedOf(known: Provider | undefined): Typed {
  return {
    name: known?.name ?? "",
    issuer: known?.issuer ?? "",
    clientId: known?.client_id ?? "",
    secret: "",
    forgets: false,
    scopes: (known?.scopes ?? DEFAULTS.scopes).join(" "),
    verifiedClaim: known?.email_verified_claim ?? DEFAULTS.verifiedClaim,
    domains: (known?.authoritative_domains ?? []).join("\n"),
    groupsClaim: known?.groups_claim ?? DEFAULTS.groupsClaim,
    mapping: Object.entries(known?.group_mapping ?? {}).map(([value, groups], key) => ({ key, value, groups })),
    enabled: known?.enabled ?? true,
  };
}

/** Where the API finds fault with a value of the claim: a part of a JSON Pointer (RFC 6901). */
export function pointerOf(value: string): string {
  return `/group_mapping/${value.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The mapping as the API takes it.
 *
 * Throws an `ApiProblem` for two lines with one value, and for a line without a group: a body could not say either. */
function mappingOf(lines: Mapped[]): Record<string, string[]> {
  const errors: ErrorItem[] = [];
  const mapping: Record<string, string[]> = {};
  for (const { value, groups } of lines) {
    if (Object.hasOwn(mapping, value)) errors.push({ pointer: pointerOf(value), detail: "There is another line for this value; choose all its groups in one." });
    else if (groups.length === 0) errors.push({ pointer: pointerOf(value), detail: "Choose a group, or remove the line." });
    mapping[value] = groups;
  }
  if (errors.length > 0) throw new ApiProblem({ status: 422, kind: "invalid-content", title: "The groups cannot be saved", detail: "Mend the marked lines under Groups", errors });
  return mapping;
}

export function bodyOf(typed: Typed): Schemas["NewIdentityProvider"] {
  return {
    name: typed.name,
    issuer: typed.issuer,
    client_id: typed.clientId,
    ...(typed.forgets ? { client_secret: "" } : typed.secret ? { client_secret: typed.secret } : {}),
    scopes: linesOf(typed.scopes),
    email_verified_claim: typed.verifiedClaim,
    authoritative_domains: linesOf(typed.domains),
    groups_claim: typed.groupsClaim,
    group_mapping: mappingOf(typed.mapping),
    enabled: typed.enabled,
  };
}

/** What differs from what was there: what somebody else changed meanwhile stays. */
export function changesOf(typed: Typed, known: Provider): Schemas["IdentityProviderUpdate"] {
  const before: Partial<Record<string, unknown>> = known;
  return Object.fromEntries(Object.entries(bodyOf(typed)).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}
