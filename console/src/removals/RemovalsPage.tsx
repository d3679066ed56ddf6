// Erasures of persons and redactions of events: those that wait for a second person, those that go on, and what was done.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";

import { may, type OwnOrganization } from "../api/session";
import { useOrganization } from "../app/organization";
import type { Actor } from "../audit/event";
import { AuditOf } from "../people/links";
import { LongText, Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { PageHead } from "../ui/PageHead";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { AskErasure } from "./AskErasure";
import { AskRedaction } from "./AskRedaction";
import { goesOn, GOING_ON_MILLIS, removalsQuery, useKeep, type KindOfRemoval, type Removal } from "./queries";
import { RemovalPage } from "./RemovalPage";
import { StateOf } from "./StateOf";
import { Who } from "./Who";
import { aboutOf, partsText } from "./words";
import "../styles/pages.css";
import "../retention/retention.css";
import "./removals.css";

/** The records that asking, deciding and removing leave. */
const RECORDS = "action:record.removal.*,record.erase,record.redact,record.restate";

export function Component() {
  const { id } = useParams();
  return id ? <RemovalPage id={id} /> : <RemovalList />;
}

/** Whether somebody may ask: the answer tells of the whole log. */
function mayAsk(organization: OwnOrganization, right: "records_erase" | "records_redact"): boolean {
  return may(organization, right) && may(organization, "audit_logs_view") && organization.scope?.level === "organization";
}

function RemovalList() {
  const organization = useOrganization();
  const org = organization.slug;
  const [search, setSearch] = useSearchParams();
  const removals = useQuery({ ...removalsQuery(org), refetchInterval: ({ state }) => (state.data?.some(({ removal }) => goesOn(removal)) ? GOING_ON_MILLIS : false) });
  const keep = useKeep(org);
  const tell = useTell();
  const navigate = useNavigate();
  const [erase, redact] = [search.get("erase"), search.get("redact")];
  const close = () => setSearch({}, { replace: true });
  const asked = (removal: Removal) => {
    keep(removal);
    tell("It waits for a second person");
    void navigate(`/orgs/${org}/erasures/${removal.id}`, { replace: true });
  };
  const erases = mayAsk(organization, "records_erase");
  const redacts = mayAsk(organization, "records_redact");
  const { data } = removals;
  const open = data?.filter(({ removal }) => removal.state !== "done" && removal.state !== "rejected") ?? [];
  const ended = data?.filter(({ removal }) => removal.state === "done" || removal.state === "rejected") ?? [];
  return (
    <main className="page" id="main">
      <PageHead
        title="Erasures & redactions"
        about="What is removed from records before its time is over. One person asks, another approves; both are in the log, and every proof stays."
        actions={
          <>
            <AuditOf phrase={RECORDS} label="In the log" />
            {redacts && <Button onClick={() => setSearch({ redact: "" })}>Redact events</Button>}
            {erases && <Button onClick={() => setSearch({ erase: "" })}>Erase a person</Button>}
          </>
        }
      />
      {removals.isPending ? (
        <Loading rows={4} />
      ) : !data ? (
        <Failed error={removals.error} retry={() => void removals.refetch()} />
      ) : data.length === 0 ? (
        <Empty title="Nothing was removed, and nothing is asked for">
          A person who asks for it can be erased from the records; a secret that got into them can be redacted.
        </Empty>
      ) : (
        <>
          <Section title="Open" none="Nothing waits." rows={open} />
          <Section title="Ended" none="Nothing was removed yet." rows={ended} />
        </>
      )}
      {erase !== null && erases && <AskErasure subject={erase} onDone={asked} onClose={close} />}
      {redact !== null && redacts && <AskRedaction events={redact} onDone={asked} onClose={close} />}
    </main>
  );
}

function Section({ title, none, rows }: { title: string; none: string; rows: KindOfRemoval[] }) {
  const { slug: org } = useOrganization();
  return (
    <section className="page-section" aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p className="muted">{none}</p>
      ) : (
        <Table
          label={`${title}: erasures and redactions`}
          rows={rows}
          keyOf={({ removal }) => removal.id}
          columns={[
            {
              title: "What",
              cell: ({ kind, removal }) => (
                <span className="two-lines">
                  <Link to={`/orgs/${org}/erasures/${removal.id}`}>{kind === "erasure" ? "Erase" : "Redact"} <Text>{aboutOf(kind, removal)}</Text></Link>
                  <span><LongText>{removal.reason}</LongText></span>
                </span>
              ),
            },
            { title: "Parts", optional: true, cell: ({ removal }) => partsText(removal.parts) },
            { title: "Events", narrow: true, optional: true, cell: ({ removal }) => <span className="tabular">{removal.found.events.toLocaleString("en")}</span> },
            {
              title: "Asked", narrow: true, optional: true,
              cell: ({ removal }) => (
                <span className="two-lines">
                  <span><When time={removal.asked_at} /></span>
                  <span>by <Who actor={removal.asked_by as unknown as Actor} /></span>
                </span>
              ),
            },
            { title: "State", narrow: true, cell: ({ removal }) => <StateOf removal={removal} /> },
          ]}
        />
      )}
    </section>
  );
}
