// Signing in: with a password and, where there is one, a second factor; or through an organization's identity provider.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type SyntheticEvent } from "react";
import { Link, Navigate, useLocation, useSearchParams } from "react-router";

import { api, body, setCsrfToken } from "../api/client";
import { ApiProblem, asProblem } from "../api/problem";
import { sessionQuery } from "../api/session";
import { remember, remembered } from "../app/remembered";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import "./signin.css";

/** A path of this console, and never an address elsewhere. */
function ownPath(next: string | null): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/";
}

export function SignInPage() {
  const [parameters] = useSearchParams();
  const next = ownPath(parameters.get("next"));
  const { data: session } = useQuery(sessionQuery);
  useEffect(() => {
    document.title = "Sign in · Actarium";
  }, []);
  if (session) return <Navigate to={next} replace />;
  return (
    <main className="signin" id="main">
      <div className="signin-card">
        <div className="mark signin-mark">Act<i>a</i>rium</div>
        <PasswordForm />
        <ProviderForm next={next} organization={parameters.get("org")} provider={parameters.get("provider")} />
        <p className="signin-quiet">A new service, without anybody to sign in? <Link to="/setup">Set it up</Link></p>
      </div>
    </main>
  );
}

function PasswordForm() {
  const client = useQueryClient();
  const { state } = useLocation() as { state: { email?: string } | null };
  const [email, setEmail] = useState(state?.email ?? "");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const codeField = useRef<HTMLInputElement>(null);
  const [asksCode, setAsksCode] = useState(false);
  const signIn = useMutation({
    mutationFn: () => body(api.POST("/v1/session", { body: { email, password, ...(asksCode ? { code: code.replace(/\s+/g, "") } : {}) } })),
    onSuccess: (session) => {
      setCsrfToken(session.csrf_token);
      client.setQueryData(sessionQuery.queryKey, session);
    },
    onError: (error) => {
      if (error instanceof ApiProblem && error.kind === "second-factor-required") setAsksCode(true);
    },
  });
  useEffect(() => {
    if (asksCode) codeField.current?.focus();
  }, [asksCode]);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  const wrong = signIn.error && !(signIn.error instanceof ApiProblem && signIn.error.kind === "second-factor-required");
  return (
    <form className="signin-form" onSubmit={submit} aria-labelledby="signin-title">
      <h1 id="signin-title">{asksCode ? "One more step" : "Sign in"}</h1>
      {asksCode ? (
        <>
          <p className="muted">Enter the code that your authenticator shows for {email}, or one of your recovery codes.</p>
          <TextField ref={codeField} large label="Code" name="code" autoComplete="one-time-code" required value={code} onChange={(event) => setCode(event.target.value)} />
        </>
      ) : (
        <>
          <TextField large label="E-mail address" name="email" type="email" autoComplete="username" autoFocus={!state?.email} required value={email} onChange={(event) => setEmail(event.target.value)} />
          <TextField large label="Password" name="password" type="password" autoComplete="current-password" autoFocus={Boolean(state?.email)} required value={password} onChange={(event) => setPassword(event.target.value)} />
        </>
      )}
      {wrong && <p className="field-error" role="alert">{said(signIn.error, asksCode)}</p>}
      <Button type="submit" kind="primary" large disabled={signIn.isPending}>
        {signIn.isPending ? "Signing in…" : "Sign in"}
      </Button>
      {asksCode && (
        <Button kind="quiet" onClick={() => {
          setAsksCode(false);
          setCode("");
          setPassword("");
          signIn.reset();
        }}>
          Sign in as somebody else
        </Button>
      )}
    </form>
  );
}

/** The code is asked for only behind the right password, so that naming it tells nobody anything. */
function said(error: unknown, asksCode: boolean): string {
  const problem = asProblem(error);
  if (problem.kind === "unauthenticated") return asksCode ? "The code is wrong, or was used before." : "The e-mail address or the password is wrong.";
  if (problem.kind === "too-many-requests") {
    const minutes = Math.ceil((problem.retryAfterSeconds ?? 60) / 60);
    return `Too many tries. Try again in ${minutes === 1 ? "a minute" : `${minutes} minutes`}.`;
  }
  return `${problem.title}. ${problem.detail}`;
}

/** The link of an organization names its provider; the browser remembers it for the next time. */
function ProviderForm({ next, organization, provider }: { next: string; organization: string | null; provider: string | null }) {
  const [kept] = useState(() => remembered("provider")?.split("/") ?? []);
  const org = organization ?? kept[0];
  const id = provider ?? kept[1];
  if (!org || !id) return null;
  const go = () => {
    remember("provider", `${org}/${id}`);
    const query = new URLSearchParams({ org, provider: id, return_to: next });
    location.assign(`/v1/session/oidc?${query}`);
  };
  return (
    <div className="signin-other">
      <Button large onClick={go}>
        Sign in through {org}’s identity provider
      </Button>
    </div>
  );
}
