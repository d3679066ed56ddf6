// The pages of an organization: where each is, what it needs, and where it stands in the navigation. A page that is not
// listed here does not exist.
import type { ComponentType } from "react";

import { AuditLogsPage } from "../audit/AuditLogsPage";
import { may, type OwnOrganization, type Permission } from "../api/session";

export type Section = "Observability" | "User management" | "Settings";
export const SECTIONS: Section[] = ["Observability", "User management", "Settings"];

export type Page = {
  /** Its path behind `/orgs/{org}/`. */
  path: string;
  title: string;
  section: Section;
  /** What somebody must hold to see it. */
  permission: Permission;
  /** What the permission is called. */
  needs: string;
  /** Another that is enough to see a part of it. */
  orPermission?: Permission;
  /** Whether it must be held for the whole organization: the page is about the log as a whole. */
  whole?: boolean;
  /** The page; loaded when it is opened, unless it is the first that everybody sees. */
  Component?: ComponentType;
  load?: () => Promise<{ Component: ComponentType }>;
  /** Further paths below it that are the same page: `:id`, `:id/:tab`. */
  below?: string;
};

/** Whether somebody may see a page, or a part of it. */
export function mayOpen(organization: OwnOrganization, page: Page): boolean {
  if (page.whole && organization.scope?.level !== "organization") return false;
  return may(organization, page.permission) || (page.orPermission !== undefined && may(organization, page.orPermission));
}

export const PAGES: Page[] = [
  {
    path: "audit-logs",
    title: "Audit logs",
    section: "Observability",
    permission: "audit_logs_view",
    needs: "See and search the audit log",
    Component: AuditLogsPage,
  },
  {
    path: "integrity",
    title: "Integrity",
    section: "Observability",
    permission: "audit_logs_view",
    needs: "See and search the audit log",
    whole: true,
    load: () => import("../integrity/IntegrityPage"),
  },
  {
    path: "exports",
    title: "Exports",
    section: "Observability",
    permission: "audit_logs_export",
    needs: "Export the audit log",
    load: () => import("../exports/ExportsPage"),
  },
  {
    path: "users",
    title: "Users",
    section: "User management",
    permission: "users_view",
    needs: "See users",
    load: () => import("../people/UsersPage"),
    below: ":id",
  },
  {
    path: "groups",
    title: "Groups",
    section: "User management",
    permission: "groups_view",
    needs: "See groups",
    load: () => import("../people/GroupsPage"),
    below: ":id/:tab?",
  },
  {
    path: "roles",
    title: "Roles",
    section: "User management",
    permission: "roles_view",
    needs: "See roles",
    load: () => import("../people/RolesPage"),
    below: ":id",
  },
  {
    path: "on-prem-keys",
    title: "On-premises keys",
    section: "Settings",
    permission: "on_prem_keys_view",
    needs: "See on-premises keys",
    load: () => import("../settings/KeysPage"),
  },
  {
    path: "retention",
    title: "Retention & holds",
    section: "Settings",
    permission: "retention_view",
    needs: "See how long records are kept",
    orPermission: "legal_holds_view",
    load: () => import("../retention/RetentionPage"),
  },
  {
    path: "erasures",
    title: "Erasures & redactions",
    section: "Settings",
    permission: "removals_view",
    needs: "See erasures and redactions",
    load: () => import("../removals/RemovalsPage"),
    below: ":id",
  },
  {
    path: "sign-in",
    title: "Sign-in & provisioning",
    section: "Settings",
    permission: "sign_in_view",
    needs: "See how people sign in",
    load: () => import("../settings/SignInPage"),
  },
  {
    path: "catalog",
    title: "Catalog",
    section: "Settings",
    permission: "audit_logs_view",
    needs: "See and search the audit log",
    load: () => import("../settings/CatalogPage"),
  },
];
