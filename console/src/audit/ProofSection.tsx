// The proof of an event: checked by the browser itself when somebody asks for it, in a few plain sentences with the steps one
// click away. What checks is loaded with the first asking.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { logHandovers, logKey, logTile } from "../api/log";
import { canVerify } from "../proof/bytes";
import { knownOf, keep } from "../proof/known";
import { logName } from "../proof/note";
import type { Step, Verdict } from "../proof/verify";
import { LongText, Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Mark } from "../ui/Mark";
import { saveText } from "../ui/saving";
import { Failed } from "../ui/states";
import type { AuditEvent } from "./event";

type Checked = { verdict: Verdict; knownSince: string | undefined };

async function proofOf(org: string, id: string): Promise<string> {
  return await body(api.GET("/v1/orgs/{org}/events/{id}", { params: { path: { org, id }, query: { proof: "true" } }, parseAs: "text" }));
}

async function check(org: string, shown: AuditEvent): Promise<Checked> {
  const [{ verifyEvent }, proof, key] = await Promise.all([import("../proof/verify"), proofOf(org, shown.id), logKey(org)]);
  const known = knownOf(org);
  const verdict = await verifyEvent({ shown, proof, key, known, tiles: (path) => logTile(org, path), handovers: () => logHandovers(org) });
  if (verdict.failedAt === undefined) keep(org, key.trim(), proof.slice(proof.indexOf("\n\n") + 2), new Date());
  return { verdict, knownSince: known?.first };
}

export function ProofSection({ org, event }: { org: string; event: AuditEvent }) {
  const checking = useMutation({ mutationFn: () => check(org, event) });
  const download = useMutation({ mutationFn: async () => saveText(`${event.id}.tlog-proof`, checking.data?.verdict.proof ?? (await proofOf(org, event.id))) });
  const [steps, setSteps] = useState(false);
  const { data } = checking;
  const failed = data?.verdict.failedAt !== undefined;
  return (
    <section aria-labelledby="proof-title">
      <h3 id="proof-title">Proof</h3>
      <div className={failed ? "checks checks-failed" : "checks"} role="status" aria-busy={checking.isPending}>
        {!canVerify() ? (
          <p>The page was not loaded over HTTPS, and browsers hash and verify only there. Open the console over HTTPS, or download the proof and check it with <code>actarium verify</code>.</p>
        ) : data ? (
          <Told {...data} />
        ) : checking.error ? (
          <Failed error={checking.error} title="The proof could not be had" />
        ) : (
          <p className="muted">{checking.isPending ? "Checking…" : "Let this browser check that the event is in the signed log, exactly as it is shown."}</p>
        )}
        <div className="checks-actions">
          {canVerify() && (
            <Button onClick={() => {
              setSteps(false);
              checking.mutate();
            }} disabled={checking.isPending}>
              <Icon name="check" /> {data || checking.error ? "Verify again" : "Verify"}
            </Button>
          )}
          {data && <Button aria-expanded={steps || failed} onClick={() => setSteps(!steps)} disabled={failed}>{steps || failed ? "Hide steps" : "Show steps"}</Button>}
          {(data ?? !canVerify()) && <Button onClick={() => download.mutate()} disabled={download.isPending}><Icon name="download" /> Download</Button>}
        </div>
        {data && (steps || failed) && <Steps steps={data.verdict.steps} />}
      </div>
    </section>
  );
}

function Told({ verdict, knownSince }: Checked) {
  const { steps, failedAt, place } = verdict;
  const at = failedAt === undefined ? undefined : steps[failedAt - 1];
  return (
    <>
      {failedAt !== undefined && at && (
        <p className="checks-verdict" role="alert">
          <b>{at.state === "failed" ? `Not proven: step ${failedAt} of ${steps.length} failed.` : `Not wholly checked: step ${failedAt} of ${steps.length} could not be.`}</b>{" "}
          {at.state === "failed" && "Do not rely on what is shown here. Keep the proof, and show it to whoever answers for the log."}
        </p>
      )}
      <ul className="checks-lines">
        <Line steps={steps} about="shown">Shown as recorded, in every field</Line>
        {place && (
          <>
            <Line steps={steps} about="included">Included at position {place.index.toLocaleString("en")} of {place.size.toLocaleString("en")}</Line>
            <Line steps={steps} about="signed">Checkpoint signed by <code title={place.key}><Text>{logName(place.key)}</Text></code>, key <code>{place.keyId}</code></Line>
            <Line steps={steps} about="known">
              {knownSince ? <>The same log that this browser has known since <When time={knownSince} /></> : "New to this browser: it knows the log from now on"}
            </Line>
          </>
        )}
      </ul>
    </>
  );
}

function Line({ steps, about, children }: { steps: Step[]; about: Step["about"]; children: React.ReactNode }) {
  const own = steps.filter((step) => step.about === about);
  const wrong = own.find((step) => step.state === "failed") ?? own.find((step) => step.state === "unchecked");
  return <li className={wrong ? "check-wrong" : undefined}><Mark state={wrong?.state ?? "ok"} /><span>{wrong ? wrong.found : children}</span></li>;
}

function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol className="proof-steps" aria-label="Steps">
      {steps.map((step, index) => (
        <li key={step.title} className={step.state === "ok" ? undefined : "check-wrong"}>
          <div><Mark state={step.state} /><b>{index + 1}. {step.title}</b></div>
          <p>{step.found}</p>
          <dl>
            {step.compared.map(({ what, value }, at) => (
              <div key={at}>
                <dt><Text>{what}</Text></dt>
                <dd><LongText>{value}</LongText></dd>
              </div>
            ))}
          </dl>
        </li>
      ))}
    </ol>
  );
}
