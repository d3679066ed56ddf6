// The second factor: setting up an authenticator, new recovery codes, doing without.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body, type Schemas } from "../api/client";
import { sessionQuery } from "../api/session";
import { Button } from "../ui/Button";
import { useCopy } from "../ui/copying";
import { Dialog, DialogActions } from "../ui/Dialog";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { SecretField } from "../ui/Secret";
import { useTell } from "../ui/Toast";

type Step = "begin" | "codes" | "off" | null;

export function SecondFactor({ on }: { on: boolean }) {
  const client = useQueryClient();
  const tell = useTell();
  const [step, setStep] = useState<Step>(null);
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [enrolment, setEnrolment] = useState<Schemas["Enrolment"] | null>(null);
  const [recovery, setRecovery] = useState<string[] | null>(null);
  const close = () => {
    setStep(null);
    setEnrolment(null);
    setPassword("");
    setCode("");
  };
  const done = (codes?: string[]) => {
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    close();
    if (codes) setRecovery(codes);
  };
  const proof = { password, ...(on ? { code: code.replace(/\s+/g, "") } : {}) };
  const fields = (errorOf: (pointer: string) => string | undefined) => (
    <>
      <TextField label="Password" type="password" autoComplete="current-password" required autoFocus value={password} error={errorOf("/password")} onChange={(event) => setPassword(event.target.value)} />
      {on && <TextField label="Code" autoComplete="one-time-code" required value={code} error={errorOf("/code")} hint="Of your authenticator, or a recovery code" onChange={(event) => setCode(event.target.value)} />}
    </>
  );
  return (
    <section className="page-section" aria-labelledby="factor-title">
      <h2 id="factor-title">Second factor</h2>
      <p className="muted">{on ? "On: a code of your authenticator is asked for at each sign-in." : "Off. An authenticator on your phone keeps others out, even with your password."}</p>
      <div className="page-actions">
        {on ? (
          <>
            <Button onClick={() => setStep("codes")}>New recovery codes</Button>
            <Button kind="danger" onClick={() => setStep("off")}>Turn off</Button>
          </>
        ) : (
          <Button onClick={() => setStep("begin")}>Set up</Button>
        )}
      </div>
      {step === "begin" && !enrolment && (
        <FormDialog title="Set up a second factor" verb="Continue" run={() => body(api.POST("/v1/second-factor", { body: proof }))} onDone={setEnrolment} onClose={close}>
          {fields}
        </FormDialog>
      )}
      {enrolment && (
        <FormDialog
          title="Add it to your authenticator"
          about="Enter this secret there as a time-based key, then the code that it shows. Your other sessions are ended."
          verb="Turn on"
          run={() => body(api.POST("/v1/second-factor/confirm", { body: { enrolment: enrolment.enrolment, code: code.replace(/\s+/g, "") } }))}
          onDone={(answer) => done(answer.recovery_codes)}
          onClose={close}
        >
          {(errorOf) => (
            <>
              <SecretField name="Secret" secret={enrolment.secret} />
              <p><a href={enrolment.uri}>Open it in an authenticator on this device</a></p>
              <TextField label="Code" inputMode="numeric" autoComplete="one-time-code" required autoFocus value={code} error={errorOf("/code")} onChange={(event) => setCode(event.target.value)} />
            </>
          )}
        </FormDialog>
      )}
      {step === "codes" && (
        <FormDialog
          title="New recovery codes" about="The old ones no longer work." verb="Make new codes"
          run={() => body(api.POST("/v1/second-factor/recovery-codes", { body: proof }))} onDone={(answer) => done(answer.recovery_codes)} onClose={close}
        >
          {fields}
        </FormDialog>
      )}
      {step === "off" && (
        <FormDialog
          title="Turn the second factor off" verb="Turn off" run={() => body(api.DELETE("/v1/second-factor", { body: proof }))}
          onDone={() => {
            tell("The second factor is off");
            done();
          }}
          onClose={close}
        >
          {fields}
        </FormDialog>
      )}
      {recovery && <RecoveryCodes codes={recovery} onClose={() => setRecovery(null)} />}
    </section>
  );
}

function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const copy = useCopy();
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Recovery codes" description="Each of them signs you in once without the authenticator. Keep them; they cannot be shown again.">
      <div className="codes">{codes.map((code) => <span key={code}>{code}</span>)}</div>
      <DialogActions>
        <Button onClick={() => copy(codes.join("\n"), "Recovery codes")}>Copy</Button>
        <Button kind="primary" onClick={onClose}>I have kept them</Button>
      </DialogActions>
    </Dialog>
  );
}
