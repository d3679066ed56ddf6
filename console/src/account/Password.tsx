// Changing the person's password.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, body } from "../api/client";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { FormDialog } from "../ui/Form";
import { useTell } from "../ui/Toast";
import { ownSessionsQuery } from "./queries";

export function Password() {
  const [open, setOpen] = useState(false);
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const client = useQueryClient();
  const tell = useTell();
  const close = () => {
    setOpen(false);
    setCurrent("");
    setNext("");
  };
  return (
    <section className="page-section" aria-labelledby="password-title">
      <h2 id="password-title">Password</h2>
      <Button onClick={() => setOpen(true)}>Change password</Button>
      {open && (
        <FormDialog
          title="Change password"
          about="Your other sessions are ended."
          verb="Change password"
          run={() => body(api.POST("/v1/password", { body: { current, new: next } }))}
          onDone={() => {
            tell("Your password was changed");
            void client.invalidateQueries({ queryKey: ownSessionsQuery.queryKey });
          }}
          onClose={close}
        >
          {(errorOf) => (
            <>
              <TextField label="Present password" type="password" autoComplete="current-password" required autoFocus value={current} error={errorOf("/current")} onChange={(event) => setCurrent(event.target.value)} />
              <TextField
                label="New password" type="password" autoComplete="new-password" required minLength={12} maxLength={256} value={next} error={errorOf("/new")}
                hint="12 characters or more; none that is known from a breach" onChange={(event) => setNext(event.target.value)}
              />
            </>
          )}
        </FormDialog>
      )}
    </section>
  );
}
