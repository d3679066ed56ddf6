// What stands where the page of an object will be: while it is asked for, and when it cannot be shown.
import type { UseQueryResult } from "@tanstack/react-query";

import { PageHead } from "./PageHead";
import { Failed, Loading } from "./states";

export function NotYet({ query, title, back }: { query: UseQueryResult; title: string; back: { to: string; label: string } }) {
  return (
    <main className="page" id="main">
      {query.isPending ? (
        <Loading />
      ) : (
        <>
          <PageHead title={title} back={back} />
          <Failed error={query.error} retry={() => void query.refetch()} />
        </>
      )}
    </main>
  );
}
