// Accepting an invitation: the secret behind `#` of the link never leaves the browser but in the body of a request. Who has no
// account makes one here; who has one says so with its password, or in the session that is open.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type SyntheticEvent } from "react";
import { useNavigate } from "react-router";

import { api, body, setCsrfToken, type Schemas } from "../api/client";
import { ApiProblem, asProblem } from "../api/problem";
import { sessionQuery } from "../api/session";
import { remember } from "../app/remembered";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button, ButtonLink } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Empty, Failed, Loading } from "../ui/states";
import "./signin.css";

type Shown = Schemas["InvitationShown"];

export function Component() {
  // Taken out of the address at once, so that it stays in no history and is seen by nobody behind.
  const [secret] = useState(() => decodeURIComponent(location.hash.slice(1)));
  useEffect(() => {
    document.title = "Invitation · Actarium";
    if (location.hash) history.replaceState(history.state, "", location.pathname);
  }, []);
  const invitation = useQuery({
    queryKey: ["invitation", secret],
    queryFn: () => body(api.POST("/v1/invitation", { body: { secret } })),
    enabled: secret !== "",
    staleTime: Infinity,
    gcTime: 0,
  });
  return (
    <main className="signin" id="main">
      <div className="signin-card">
        <div className="mark signin-mark">Act<i>a</i>rium</div>
        {secret === "" || (invitation.error instanceof ApiProblem && invitation.error.status === 404) ? (
          <div className="signin-form">
            <Empty title="This invitation opens nothing" actions={<ButtonLink to="/sign-in">Sign in</ButtonLink>}>
              It was used or taken back, is older than 72 hours, or the link was not copied whole. Ask who invited you to send it again.
            </Empty>
          </div>
        ) : invitation.data ? (
          <Answer secret={secret} shown={invitation.data} />
        ) : invitation.error ? (
          <div className="signin-form"><Failed error={invitation.error} retry={() => void invitation.refetch()} /></div>
        ) : (
          <div className="signin-form"><Loading rows={4} /></div>
        )}
      </div>
    </main>
  );
}

function Answer({ secret, shown }: { secret: string; shown: Shown }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: session } = useQuery(sessionQuery);
  const [name, setName] = useState(shown.name ?? "");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const own = session?.user.email.toLowerCase() === shown.email.toLowerCase();
  // A link that was shown to who invited does not tell whether there is an account: a session of its person does.
  const fresh = !shown.account_exists && !own;
  const accept = useMutation({
    mutationFn: () => body(api.POST("/v1/invitation/accept", {
      body: {
        secret,
        ...(fresh ? { name, password } : own ? {} : { password }),
        ...(code ? { code: code.replace(/\s+/g, "") } : {}),
      },
    })),
    onSuccess: (opened) => {
      setCsrfToken(opened.csrf_token);
      remember("organization", shown.organization.slug);
      client.setQueryData(sessionQuery.queryKey, opened);
      void navigate(`/orgs/${shown.organization.slug}`, { replace: true });
    },
  });
  const problem = accept.error ? asProblem(accept.error) : null;
  const asksCode = problem?.kind === "second-factor-required" || code !== "";
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    accept.mutate();
  };
  return (
    <form className="signin-form" onSubmit={submit} aria-labelledby="invitation-title">
      <h1 id="invitation-title">Join <Text>{shown.organization.name}</Text></h1>
      <p className="muted">
        <Text>{shown.invited_by}</Text> invited <b><Text>{shown.email}</Text></b>. The invitation is good until <When time={shown.expires_at} />.
      </p>
      {fresh ? (
        <>
          <TextField large label="Your name" autoComplete="name" required maxLength={128} autoFocus value={name} error={problem?.of("/name")} onChange={(event) => setName(event.target.value)} />
          <TextField
            large label="Choose a password" type="password" autoComplete="new-password" required minLength={12} maxLength={256} value={password} error={problem?.of("/password")}
            hint="12 characters or more, and none that is commonly used." onChange={(event) => setPassword(event.target.value)}
          />
          <p className="muted">If you have an account with this address already, sign in first and open the link again.</p>
        </>
      ) : own ? (
        <p>You are signed in with this address.</p>
      ) : (
        <>
          <p>There is an account with this address. Its password says that it is yours.</p>
          <TextField large label="Password" type="password" autoComplete="current-password" required autoFocus value={password} error={problem?.of("/password")} onChange={(event) => setPassword(event.target.value)} />
        </>
      )}
      {asksCode && <TextField large label="Code" autoComplete="one-time-code" required autoFocus value={code} hint="That your authenticator shows, or one of your recovery codes." onChange={(event) => setCode(event.target.value)} />}
      {problem && problem.kind !== "second-factor-required" && problem.errors.length === 0 && <p className="field-error" role="alert">{said(problem, code !== "")}</p>}
      <Button type="submit" kind="primary" large disabled={accept.isPending}>{accept.isPending ? "One moment…" : fresh ? "Make the account and join" : "Join"}</Button>
    </form>
  );
}

function said(problem: ApiProblem, gaveCode: boolean): string {
  if (problem.kind === "unauthenticated") return gaveCode ? "The password or the code is wrong." : "The password is wrong.";
  if (problem.kind === "too-many-requests") return "Too many tries. Wait some minutes, then try again.";
  const text = problem.detail || problem.title;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
