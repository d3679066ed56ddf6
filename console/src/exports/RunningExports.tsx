// In the frame of every page: the person's exports that are being made, and the news when one is ready.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link } from "react-router";

import { may, type OwnOrganization, type Session } from "../api/session";
import { useTell } from "../ui/Toast";
import { exportsQuery, isUnderWay, type KeptExport } from "./queries";
import { share } from "./words";
import "./exports.css";

export function RunningExports({ organization, session }: { organization: OwnOrganization; session: Session }) {
  const org = organization.slug;
  const exports = useQuery({ ...exportsQuery(org), enabled: may(organization, "audit_logs_export") });
  const own = exports.data?.filter((one) => one.owner?.id === session.user.id);
  useNews(own);
  const underWay = own?.filter(isUnderWay) ?? [];
  if (underWay.length === 0) return null;
  // Until it is known how much there is to do, nothing of it is done.
  const done = underWay.reduce((sum, one) => sum + (share(one) ?? 0), 0) / underWay.length;
  const name = underWay.length === 1 ? "1 export is being made" : `${underWay.length} exports are being made`;
  return (
    <Link className="exports-running" to={`/orgs/${org}/exports`} aria-label={`${name}, ${Math.round(done * 100)} %`}>
      <span aria-hidden="true">{underWay.length === 1 ? "Export" : `${underWay.length} exports`}</span>
      <progress aria-hidden="true" max={1} value={done} />
    </Link>
  );
}

/** Tells when one that was seen being made is ready, or was not made. */
function useNews(own: KeptExport[] | undefined): void {
  const tell = useTell();
  const watched = useRef(new Set<string>());
  useEffect(() => {
    for (const one of own ?? []) {
      if (isUnderWay(one)) {
        watched.current.add(one.id);
      } else if (watched.current.delete(one.id)) {
        if (one.state === "done") tell(`${one.file} is ready, under Exports`);
        else tell(`${one.file} was not made: ${one.detail ?? "it failed"}`, true);
      }
    }
  }, [own, tell]);
}
