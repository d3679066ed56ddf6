// The first start of a service: whoever runs it proves that with the operator's token, and makes the first organization and its
// first administrator. The token is sent with the requests that do it, and kept nowhere.
import { useMutation } from "@tanstack/react-query";
import { useEffect, useState, type SyntheticEvent } from "react";
import { Link } from "react-router";

import { asProblem } from "../api/problem";
import { remember } from "../app/remembered";
import { Text } from "../text/Text";
import { Button, ButtonLink } from "../ui/Button";
import { TextField } from "../ui/Field";
import { setUp, SetupProblem, slugOf, type Setup } from "./setup";
import "./signin.css";

const EMPTY: Setup = { token: "", organization: "", slug: "", name: "", email: "", password: "" };

export function Component() {
  const [form, setForm] = useState(EMPTY);
  const [ownSlug, setOwnSlug] = useState(false);
  const action = useMutation({
    mutationFn: () => setUp(form),
    onSuccess: () => {
      remember("organization", form.slug);
      setForm((before) => ({ ...before, token: "", password: "" }));
    },
  });
  useEffect(() => {
    document.title = "Set up · Actarium";
  }, []);
  return (
    <main className="signin" id="main">
      <div className="signin-card signin-card-wide">
        <div className="mark signin-mark">Act<i>a</i>rium</div>
        {action.data ? (
          <Done form={form} organizationWasThere={action.data.organizationWasThere} />
        ) : (
          <Form
            form={form}
            error={action.error}
            pending={action.isPending}
            onChange={(field, value) => {
              if (field === "slug") setOwnSlug(value !== "");
              setForm((before) => ({ ...before, [field]: value, ...(field === "organization" && !ownSlug ? { slug: slugOf(value) } : {}) }));
            }}
            onSubmit={() => action.mutate()}
          />
        )}
        <p className="signin-quiet"><Link to="/sign-in">Sign in instead</Link></p>
      </div>
    </main>
  );
}

function Form({ form, error, pending, onChange, onSubmit }: {
  form: Setup;
  error: unknown;
  pending: boolean;
  onChange: (field: keyof Setup, value: string) => void;
  onSubmit: () => void;
}) {
  const fields = error instanceof SetupProblem ? error.fields : {};
  const message = error instanceof SetupProblem ? error.message : error ? asProblem(error).title : "";
  const field = (name: keyof Setup) => ({
    large: true, required: true, value: form[name], error: fields[name], onChange: (event: { target: { value: string } }) => onChange(name, event.target.value),
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className="signin-form" onSubmit={submit} aria-labelledby="setup-title">
      <div>
        <h1 id="setup-title">Set up the service</h1>
        <p className="muted">Makes an organization and its first administrator, who lets everybody else in.</p>
      </div>
      <TextField {...field("token")} label="Operator’s token" type="password" autoComplete="off" autoFocus hint={<>In the file <code>operator.token</code> of the service’s data folder. Who can read it runs the service.</>} />
      <fieldset>
        <legend>Organization</legend>
        <div className="signin-pair">
          <TextField {...field("organization")} label="Name" maxLength={128} autoComplete="organization" hint="What people read: Acme Inc." />
          <TextField {...field("slug")} label="Short name" maxLength={63} pattern="[a-z0-9][a-z0-9\-]*" spellCheck={false} autoCapitalize="none" hint="In addresses, for ever: a–z, 0–9, -" />
        </div>
      </fieldset>
      <fieldset>
        <legend>First administrator</legend>
        <div className="signin-pair">
          <TextField {...field("name")} label="Their name" maxLength={128} autoComplete="name" />
          <TextField {...field("email")} label="E-mail address" type="email" autoComplete="username" />
        </div>
        <TextField {...field("password")} label="Password" type="password" autoComplete="new-password" minLength={12} maxLength={256} hint="12 characters or more, and none that is commonly used." />
      </fieldset>
      {message && <p className="field-error" role="alert">{message}</p>}
      <Button type="submit" kind="primary" large disabled={pending}>{pending ? "One moment…" : "Set up"}</Button>
    </form>
  );
}

function Done({ form, organizationWasThere }: { form: Setup; organizationWasThere: boolean }) {
  return (
    <div className="signin-form" role="status">
      <h1>{organizationWasThere ? "The administrator is made" : "The service is set up"}</h1>
      <p>
        {organizationWasThere ? <>The organization <b>{form.slug}</b> was there already, under the name that it had. </> : <>The organization <b><Text>{form.organization}</Text></b> is made. </>}
        <Text>{form.email}</Text> is one of its administrators.
      </p>
      <p className="muted">Next: create a key for each system that sends events, and invite people.</p>
      <ButtonLink kind="primary" className="button-large" to="/sign-in" state={{ email: form.email }}>Sign in</ButtonLink>
    </div>
  );
}
