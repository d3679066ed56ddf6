// The catalog: every action that has a name, and where to see it in the log.
import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Link } from "react-router";

import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { catalogQuery } from "../audit/queries";
import { SearchInput } from "../people/Searched";
import { PageHead } from "../ui/PageHead";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import "../styles/pages.css";

export function Component() {
  const organization = useOrganization();
  const [search, setSearch] = useState("");
  const catalog = useQuery(catalogQuery);
  const wanted = search.trim().toLowerCase();
  const families = (catalog.data?.families ?? [])
    .map((family) => ({ ...family, actions: family.actions.filter((action) => `${action.action} ${action.title}`.toLowerCase().includes(wanted)) }))
    .filter((family) => family.actions.length > 0);
  return (
    <main className="page" id="main">
      <PageHead title="Catalog" about="Actions that the log knows by name. Others are recorded too, and shown as they are." />
      <SearchInput label="Search actions" value={search} onChange={setSearch} />
      {catalog.isPending && <Loading />}
      {catalog.error && <Failed error={catalog.error} retry={() => void catalog.refetch()} />}
      {catalog.data && families.length === 0 && <Empty title="No action is called that">{`Nothing in the catalog contains “${search}”.`}</Empty>}
      {families.map((family) => (
        <section key={family.family} className="page-section" aria-label={family.title}>
          <h2>{family.title}</h2>
          <p className="muted">{family.summary}</p>
          <Table
            even
            label={family.title}
            rows={family.actions}
            keyOf={(action) => action.action}
            columns={[
              { title: "What it is", cell: (action) => action.title },
              { title: "Action", cell: (action) => <code>{action.action.split(".").map((part, at) => <Fragment key={at}>{at > 0 && <>.<wbr /></>}{part}</Fragment>)}</code> },
              {
                title: "", narrow: true,
                cell: (action) =>
                  may(organization, "audit_logs_view") && (
                    <Link className="quiet-link" to={`/orgs/${organization.slug}/audit-logs?${new URLSearchParams({ q: `action:${action.action}`, from: "-365d" })}`}>In the log</Link>
                  ),
              },
            ]}
          />
        </section>
      ))}
    </main>
  );
}
