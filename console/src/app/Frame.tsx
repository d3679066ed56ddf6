// What stands around every page: the organization at the top, the navigation at the left, the person at the right.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, Navigate, NavLink, Outlet, useLocation, useParams } from "react-router";

import { organizationOf, sessionQuery, type OwnOrganization, type Session } from "../api/session";
import { RunningExports } from "../exports/RunningExports";
import { IconButton } from "../ui/Button";
import { focusPage, isNowhere } from "../ui/focus";
import { Empty, Failed, Loading } from "../ui/states";
import { NoSuchOrganization, NotPermitted } from "./exceptions";
import { OrganizationProvider, useOrganization } from "./organization";
import { OrganizationSwitcher } from "./OrganizationSwitcher";
import { mayOpen, PAGES, SECTIONS, type Page } from "./pages";
import { PersonMenu } from "./PersonMenu";
import { remember, remembered } from "./remembered";
import { Administrators } from "./WhomToAsk";
import "./frame.css";

/** Lets through who is signed in; everybody else signs in first and comes back. */
export function useSignedIn(): { session: Session } | { instead: React.ReactNode } {
  const { data, error, isPending, refetch } = useQuery(sessionQuery);
  const location = useLocation();
  if (isPending) return { instead: <div className="app-waiting" role="status" aria-label="Loading" /> };
  if (error && !data) return { instead: <Failed error={error} retry={() => void refetch()} /> };
  if (!data) {
    const to = location.pathname + location.search;
    const next = to === "/" ? "" : `?next=${encodeURIComponent(to)}`;
    return { instead: <Navigate to={`/sign-in${next}`} replace /> };
  }
  return { session: data };
}

/** The frame of a page that belongs to no organization. */
export function BareFrame({ session, children }: { session: Session; children: React.ReactNode }) {
  return (
    <div className="app app-bare">
      <header className="app-header">
        <Mark />
        <div className="grow" />
        <PersonMenu session={session} />
      </header>
      <main className="page" id="main">{children}</main>
    </div>
  );
}

/** `/`: the organization of the last visit, or the only or first one. */
export function Home() {
  const signedIn = useSignedIn();
  if ("instead" in signedIn) return signedIn.instead;
  const { session } = signedIn;
  const chosen = organizationOf(session, remembered("organization") ?? undefined) ?? session.organizations[0];
  if (!chosen) {
    return (
      <BareFrame session={session}>
        <Empty title="You belong to no organization">
          Ask an administrator of your organization to add {session.user.email} to its users.
        </Empty>
      </BareFrame>
    );
  }
  return <Navigate to={`/orgs/${chosen.slug}`} replace />;
}

function permitted(organization: OwnOrganization): Page[] {
  return PAGES.filter((page) => mayOpen(organization, page));
}

/** `/orgs/{org}`: the first page that the person may see. */
export function OrganizationHome() {
  const organization = useOrganization();
  const first = permitted(organization)[0];
  if (first) return <Navigate to={first.path} replace />;
  return (
    <main className="page" id="main">
      <Empty title="Nothing to see here yet">
        None of your groups in {organization.name} lets you see its audit log, users or settings. Ask <Administrators />, to put you in a group with
        a role that does.
      </Empty>
    </main>
  );
}

/** A page, for who may see it. */
export function Permitted({ page }: { page: Page }) {
  const organization = useOrganization();
  useEffect(() => {
    document.title = `${page.title} · ${organization.name} · Actarium`;
  }, [page, organization]);
  return mayOpen(organization, page) ? <Outlet /> : <NotPermitted page={page} />;
}

function Mark() {
  return (
    <Link to="/" className="mark" aria-label="Actarium, to the start">
      Act<i>a</i>rium
    </Link>
  );
}

function Navigation({ organization, onChosen }: { organization: OwnOrganization; onChosen: () => void }) {
  const pages = permitted(organization);
  return (
    <nav className="app-nav" aria-label="Pages" id="navigation">
      {SECTIONS.map((section) => {
        const own = pages.filter((page) => page.section === section);
        if (own.length === 0) return null;
        const heading = `nav-${section.replaceAll(" ", "-").toLowerCase()}`;
        return (
          <div key={section} role="group" aria-labelledby={heading}>
            <h2 id={heading}>{section}</h2>
            {own.map((page) => (
              <NavLink key={page.path} to={`/orgs/${organization.slug}/${page.path}`} onClick={onChosen}>
                {page.title}
              </NavLink>
            ))}
          </div>
        );
      })}
    </nav>
  );
}

/** The heading of a page that is opened takes the focus, from the link of the navigation or when what had it went with the page before. */
function usePageFocus(): void {
  const { key, pathname } = useLocation();
  const before = useRef({ key, pathname });
  useEffect(() => {
    const from = before.current;
    before.current = { key, pathname };
    if (from.key === key) return;
    if (document.activeElement?.closest("#navigation, .exports-running") || (from.pathname !== pathname && isNowhere())) focusPage();
  }, [key, pathname]);
}

export function OrganizationLayout() {
  usePageFocus();
  const signedIn = useSignedIn();
  const { org = "" } = useParams();
  const [open, setOpen] = useState(false);
  const organization = "session" in signedIn ? organizationOf(signedIn.session, org) : undefined;
  const slug = organization?.slug;
  useEffect(() => {
    if (slug) remember("organization", slug);
  }, [slug]);
  if ("instead" in signedIn) return signedIn.instead;
  const { session } = signedIn;
  return (
    <div className={!organization ? "app app-bare" : open ? "app app-nav-open" : "app"}>
      <a className="skip-link" href="#main">Skip to the page</a>
      <header className="app-header">
        {organization && <IconButton icon="menu" name="Pages" kind="quiet" className="app-nav-button" aria-expanded={open} aria-controls="navigation" onClick={() => setOpen(!open)} />}
        <Mark />
        <OrganizationSwitcher session={session} current={organization} />
        <div className="grow" />
        {organization && <RunningExports key={organization.slug} organization={organization} session={session} />}
        <PersonMenu session={session} />
      </header>
      {organization ? (
        <OrganizationProvider value={organization}>
          <Navigation organization={organization} onChosen={() => setOpen(false)} />
          <div className="app-page" key={organization.slug}>
            <Outlet />
          </div>
        </OrganizationProvider>
      ) : (
        <div className="app-page"><NoSuchOrganization slug={org} /></div>
      )}
    </div>
  );
}

/** While a page is being loaded. */
export function PageWaiting() {
  return (
    <div className="page">
      <Loading />
    </div>
  );
}
