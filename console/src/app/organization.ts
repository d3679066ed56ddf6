// The organization that a page is about: the one of the address.
import { createContext, use } from "react";

import type { OwnOrganization } from "../api/session";

const OrganizationContext = createContext<OwnOrganization | null>(null);

export const OrganizationProvider = OrganizationContext;

/** The organization of the page. */
export function useOrganization(): OwnOrganization {
  const organization = use(OrganizationContext);
  if (!organization) throw new Error("the page has no organization");
  return organization;
}
