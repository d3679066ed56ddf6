// What proves that the log was not changed: its signed checkpoint, what this browser saw of it before, who else has signed, and
// how anybody checks it without the service.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { may } from "../api/session";
import { useOrganization } from "../app/organization";
import { WhomToAsk } from "../app/WhomToAsk";
import { counted } from "../audit/words";
import { canVerify, toBase64 } from "../proof/bytes";
import { forget } from "../proof/known";
import { logName } from "../proof/note";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Confirm";
import { useCopy } from "../ui/copying";
import { Icon } from "../ui/Icon";
import { Mark, type State } from "../ui/Mark";
import { PageHead } from "../ui/PageHead";
import { saveText } from "../ui/saving";
import { Empty, Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { checkLog, type Checked, type Cosigned } from "./check";
import "../styles/pages.css";
import "./integrity.css";

function checkQuery(org: string) {
  return queryOptions({ queryKey: ["integrity", org], queryFn: () => checkLog(org), staleTime: 0, gcTime: 0 });
}

export function Component() {
  const organization = useOrganization();
  const org = organization.slug;
  const check = useQuery({ ...checkQuery(org), enabled: canVerify() });
  const { data } = check;
  return (
    <main className="page" id="main">
      <PageHead
        title="Integrity"
        about={<>Whether anything in the audit log of <Text>{organization.name}</Text> was changed or taken out. This browser checks it each time that you open the page.</>}
        actions={canVerify() && <Button onClick={() => void check.refetch()} disabled={check.isFetching}>{check.isFetching ? "Checking…" : "Check again"}</Button>}
      />
      {!canVerify() ? (
        <Empty title="This browser may not check here">The page was not loaded over HTTPS, and browsers hash and verify only there. Open the console over HTTPS.</Empty>
      ) : data ? (
        <Found checked={data} />
      ) : check.error ? (
        <Failed error={check.error} retry={() => void check.refetch()} />
      ) : (
        <Loading rows={6} label="Checking the log" />
      )}
    </main>
  );
}

/** A line of what was checked. */
type Line = { state: State; said: ReactNode };

function signatureLine({ signature, key }: Checked): Line {
  if (typeof signature === "object") return { state: "failed", said: `The service gave no checkpoint that can be read: ${signature.unreadable}.` };
  const name = key ? <>the log’s key <code>{key.id}</code> of <code><Text>{logName(key.name)}</Text></code></> : null;
  switch (signature) {
    case "ok": return { state: "ok", said: <>The newest checkpoint is signed by {name}</> };
    case "forged": return { state: "failed", said: "The signature is not over this checkpoint: one of the two was changed." };
    case "other-key": return { state: "failed", said: "The checkpoint is signed by another key than the log’s." };
    case "other-log": return { state: "failed", said: "The checkpoint is that of another log than the key’s." };
    case "unchecked": return { state: "unchecked", said: "This browser cannot check Ed25519 signatures. Firefox 129, Safari 17 and Chrome 137 or later can." };
  }
}

function standingLine({ standing, known, checkpoint }: Checked): Line {
  const seen = known && <When time={known.seen} />;
  const number = (size: number) => size.toLocaleString("en");
  const size = number(checkpoint?.size ?? 0);
  switch (standing.is) {
    case "new": return { state: "ok", said: "This browser had not seen the log before. It keeps this checkpoint and the key, and compares from now on." };
    case "same": return { state: "ok", said: <>The same {size} entries that this browser saw {seen}</> };
    case "grown": return { state: "ok", said: <>Its {size} entries begin with the {number(standing.from)} that this browser saw {seen}{standing.hashes > 0 && <span className="muted">, proven by {standing.hashes} {standing.hashes === 1 ? "hash" : "hashes"} of the log</span>}</> };
    case "smaller": return { state: "failed", said: <>The log has {size} entries; this browser saw {number(standing.from)} of them {seen}. It was rolled back, or its end was cut off.</> };
    case "rewritten": return { state: "failed", said: <>The log does not begin with the {number(standing.from)} entries that this browser saw {seen}. Its past was rewritten.</> };
    case "other-key": return { state: "failed", said: <>The log signs with another key than the one that this browser knows since <When time={known?.first} />.</> };
    case "other-log": return { state: "failed", said: <>It is another log than the one that this browser knows, which was called <code><Text>{standing.knownOrigin}</Text></code>.</> };
    case "unreadable": return { state: "failed", said: `The log’s hashes do not prove that it goes on from what this browser saw: ${standing.why}.` };
    case "not-reached": return { state: "unchecked", said: "Not compared with what this browser saw before, because the checkpoint does not hold." };
  }
}

function toldLines({ told, cosigned }: Checked): Line[] {
  const lines: Line[] = [];
  if (told.state === "stopped") lines.push({ state: "failed", said: <>The log takes no writes{told.detail && <>: <Text>{told.detail}</Text></>}.</> });
  if (cosigned.length > 0) {
    const good = cosigned.filter((one) => one.by === "checked").length;
    const bad = cosigned.filter((one) => one.by === "forged" || one.witness.state === "contradicts");
    lines.push(
      bad.length > 0
        ? { state: "failed", said: <>{bad.map((one) => one.witness.name).join(", ")} {bad.length === 1 ? "contradicts" : "contradict"} this log.</> }
        : { state: good > 0 ? "ok" : "unchecked", said: `This checkpoint is witnessed by ${good} of ${cosigned.length}` },
    );
  }
  return lines;
}

function Found({ checked }: { checked: Checked }) {
  const lines = [signatureLine(checked), standingLine(checked), ...toldLines(checked)];
  const failed = lines.some((line) => line.state === "failed");
  const { checkpoint, key, told } = checked;
  const copy = useCopy();
  return (
    <>
      <div className={failed ? "checks checks-failed integrity-checks" : "checks integrity-checks"} role="status">
        {failed && <p className="checks-verdict" role="alert"><b>This log is not what it was.</b> Do not rely on it before somebody has explained why.</p>}
        <ul className="checks-lines">
          {lines.map((line, index) => (
            <li key={index} className={line.state === "ok" ? undefined : "check-wrong"}><Mark state={line.state} /><span>{line.said}</span></li>
          ))}
        </ul>
      </div>
      {failed && <WhatToDo checked={checked} />}
      <section className="page-section" aria-labelledby="checkpoint-title">
        <h2 id="checkpoint-title">Checkpoint</h2>
        <p className="muted integrity-text">How many entries the log has and one hash over all of them, signed by the service. Whoever kept an old one can prove that what came before it is still the same.</p>
        <dl className="facts">
          <dt>Size</dt><dd>{checkpoint ? counted(checkpoint.size, "entry").replace(/entrys$/, "entries") : "unknown"}</dd>
          <dt>Hash of all entries</dt><dd><code>{checkpoint ? toBase64(checkpoint.root) : "unknown"}</code></dd>
          {told.checkpoint && <><dt>Signed</dt><dd><When time={told.checkpoint.published_at} /></dd></>}
          <dt>Checked here</dt><dd><When time={checked.at} /></dd>
          <dt>Name of the log</dt><dd><code><Text>{checkpoint?.origin ?? "unknown"}</Text></code></dd>
          <dt>Public key</dt><dd><code className="integrity-key">{key?.text ?? checked.keyLine}</code></dd>
          {told.scrub && (
            <><dt>Storage read through</dt><dd><When time={told.scrub.finished_at} />{told.scrub.segments === 0 ? ", when there were no files yet" : `: ${counted(told.scrub.segments, "file")} compared with the log, up to entry ${told.scrub.end_seq.toLocaleString("en")}`}</dd></>
          )}
          {told.generation > 1 && <><dt>Generation</dt><dd>{told.generation}: the operator has continued it from an older backup</dd></>}
        </dl>
        <div className="page-actions">
          <Button onClick={() => copy(checked.keyLine, "Key")}><Icon name="copy" /> Copy key</Button>
        </div>
      </section>
      <Witnesses cosigned={checked.cosigned} />
      <Offline checked={checked} />
    </>
  );
}

function WhatToDo({ checked: { note, known, keyLine } }: { checked: Checked }) {
  const organization = useOrganization();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { slug } = organization;
  return (
    <section className="page-section" aria-labelledby="do-title">
      <h2 id="do-title">What to do</h2>
      <ol className="integrity-steps">
        <li>
          Keep what there is to show: what the service says now{known && ", and what this browser saw before. Both carry the log’s signature, so together they prove that it contradicts itself"}.
          <div className="page-actions">
            <Button onClick={() => saveText(`${slug}-now.checkpoint`, note)}>Download what it says now</Button>
            {known && <Button onClick={() => saveText(`${slug}-before.checkpoint`, known.checkpoint)}>Download what it said before</Button>}
            {known && known.key !== keyLine && <Button onClick={() => saveText(`${slug}-before.key`, `${known.key}\n`)}>Download the key before</Button>}
          </div>
        </li>
        <li>Ask who runs the service whether it was restored from a backup. What was recorded after that backup is gone then, and they can say from when on.</li>
        <li>Ask others to open this page: what their browsers saw may be newer or older than yours.</li>
        {known && <li>If it is explained, <button type="button" className="link-button" onClick={() => setAsking(true)}>let this browser begin anew</button>.</li>}
      </ol>
      {asking && (
        <Confirm
          title="Forget what this browser saw?"
          verb="Begin anew"
          run={() => {
            forget(slug);
            return client.refetchQueries({ queryKey: ["integrity", slug] });
          }}
          onClose={() => setAsking(false)}
        >
          <p>It takes the log as it is now for the true one, and can no longer show that it was another before. Download what it said before first.</p>
        </Confirm>
      )}
    </section>
  );
}

const WITNESS_WORDS: Record<Cosigned["witness"]["state"], string> = {
  current: "Has signed the newest checkpoint",
  behind: "Behind",
  never: "Has not signed yet",
  unreachable: "Cannot be reached",
  refused: "Refused to sign",
  contradicts: "Contradicts this log",
};

function Witnesses({ cosigned }: { cosigned: Cosigned[] }) {
  return (
    <section className="page-section" aria-labelledby="witnesses-title">
      <h2 id="witnesses-title">Witnesses</h2>
      {cosigned.length === 0 ? (
        <p className="muted integrity-text">None. A witness is a service run by somebody else. It signs the checkpoint too, but only while the log has grown and kept what it had, so that not even who runs this service can rewrite it unseen. The operator of the service chooses them.</p>
      ) : (
        <Table
          label="Witnesses"
          rows={cosigned}
          keyOf={({ witness }) => witness.name}
          columns={[
            { title: "Witness", cell: ({ witness, timeSeconds }) => <span className="two-lines"><b><Text>{witness.name}</Text></b><LastSigned at={timeSeconds === undefined ? witness.signed_at : new Date(timeSeconds * 1_000).toISOString()} /></span> },
            {
              title: "State",
              cell: ({ witness, by }) => (
                <span className={witness.state === "contradicts" || by === "forged" ? "check-wrong" : undefined}>
                  {by === "forged" ? "Its signature is not over this checkpoint" : WITNESS_WORDS[witness.state]}
                  {witness.state === "behind" && ` by ${counted(witness.behind, "event")}`}
                  {by === "checked" && <span className="muted"> · signature checked here</span>}
                  {witness.detail && <div className="muted"><Text>{witness.detail}</Text></div>}
                </span>
              ),
            },
            { title: "Size", narrow: true, optional: true, cell: ({ witness }) => witness.size?.toLocaleString("en") ?? "–" },
          ]}
        />
      )}
    </section>
  );
}

function LastSigned({ at }: { at: string | null | undefined }) {
  return at ? <span>last signed <When time={at} /></span> : <span>has never signed</span>;
}

function Command({ name, text }: { name: string; text: string }) {
  const copy = useCopy();
  return (
    <div className="command">
      <pre tabIndex={0} aria-label={name}>
        <code>{text.split(/(?<=[ \n])/).map((word, index) => <span key={index} className="command-word">{word}</span>)}</code>
      </pre>
      <Button onClick={() => copy(text, "Command")} aria-label={`Copy ${name}`}><Icon name="copy" /> Copy</Button>
    </div>
  );
}

function Offline({ checked }: { checked: Checked }) {
  const organization = useOrganization();
  const { slug } = organization;
  const exports = may(organization, "audit_logs_export") && may(organization, "audit_logs_verify");
  const url = `--url ${location.origin}`;
  return (
    <section className="page-section integrity-text" aria-labelledby="offline-title">
      <h2 id="offline-title">Verify without this service</h2>
      <p>Anybody can check the log on a machine of their own, without network, and see whether an event was changed, left out or added.</p>
      <ol className="integrity-steps">
        <li>
          <b>Today</b>, keep the checkpoint and the key where nobody who runs this service can change them. Neither holds personal data.
          <div className="page-actions">
            <Button onClick={() => saveText(`${slug}.checkpoint`, checked.note)}><Icon name="download" /> Download checkpoint</Button>
            <Button onClick={() => saveText(`${slug}.key`, `${checked.keyLine}\n`)}><Icon name="download" /> Download key</Button>
          </div>
        </li>
        <li>
          <b>When the log is to be checked</b>, export it with its proofs.
          {!exports && <> <MissingForProof /></>}
          <Command name="export command" text={`actarium login ${url}\nactarium export ${url} --org ${slug} --proof --output ${slug}.tar.zst`} />
        </li>
        <li>
          Check the export beside the two files that you kept.
          <Command name="verify command" text={`actarium-verify ${slug}.tar.zst --key ${slug}.key --anchor ${slug}.checkpoint --require-anchor`} />
        </li>
      </ol>
      <p className="muted">
        The last line says “Sound, and anchored” (exit code 0), or what is wrong (1). Exit code 3 means that the events agree with each other, but not all of
        them are covered by what you kept. Who signs in through an identity provider makes a token under Your account, for <code>actarium login {url} --token-stdin</code>.
      </p>
    </section>
  );
}

/** Which of the two permissions of an export with proofs is missing, and whom to ask. */
function MissingForProof() {
  const organization = useOrganization();
  const missing = may(organization, "audit_logs_export") ? "audit_logs_verify" : "audit_logs_export";
  return <>You may not make one. <WhomToAsk permission={missing} /></>;
}
