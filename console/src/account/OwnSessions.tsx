// Where the person is signed in, and ending it there.
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body } from "../api/client";
import { asProblem } from "../api/problem";
import { browserOf } from "../text/browser";
import { Text } from "../text/Text";
import { When } from "../time/When";
import { Button } from "../ui/Button";
import { Failed, Loading } from "../ui/states";
import { Table } from "../ui/Table";
import { useTell } from "../ui/Toast";
import { ownSessionsQuery } from "./queries";

export function OwnSessions() {
  const sessions = useQuery(ownSessionsQuery);
  const client = useQueryClient();
  const tell = useTell();
  const end = (id: string) => {
    body(api.DELETE("/v1/sessions/{id}", { params: { path: { id } } })).then(
      () => {
        tell("The session was ended");
        void client.invalidateQueries({ queryKey: ownSessionsQuery.queryKey });
      },
      (error: unknown) => tell(asProblem(error).detail, true),
    );
  };
  return (
    <section className="page-section" aria-labelledby="own-sessions">
      <h2 id="own-sessions">Where you are signed in</h2>
      {sessions.isPending ? (
        <Loading rows={2} />
      ) : !sessions.data ? (
        <Failed error={sessions.error} retry={() => void sessions.refetch()} />
      ) : (
        <Table
          label="Where you are signed in"
          rows={sessions.data}
          keyOf={(one) => one.id}
          columns={[
            { title: "From", narrow: true, optional: true, cell: (one) => <Text>{one.ip ?? "unknown"}</Text> },
            { title: "Browser", cell: (one) => <span title={one.user_agent ?? undefined}><Text>{browserOf(one.user_agent ?? "unknown")}</Text></span> },
            { title: "How", narrow: true, optional: true, cell: (one) => (one.method === "password" ? "Password" : "Identity provider") },
            { title: "Since", narrow: true, optional: true, cell: (one) => <When time={one.created_at} /> },
            { title: "Last used", narrow: true, cell: (one) => <When time={one.last_used_at} /> },
            { title: "", narrow: true, cell: (one) => (one.current ? <span className="badge">This one</span> : <Button onClick={() => end(one.id)}>End</Button>) },
          ]}
        />
      )}
    </section>
  );
}
