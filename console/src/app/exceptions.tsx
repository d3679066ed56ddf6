// What stands where a page should: there is none, it broke, or it needs a permission that the person does not hold.
import { Link, useRouteError } from "react-router";

import { ButtonLink, Button } from "../ui/Button";
import { Empty } from "../ui/states";
import { useOrganization } from "./organization";
import type { Page } from "./pages";
import { WhomToAsk } from "./WhomToAsk";

export function NothingHere() {
  return (
    <main className="page" id="main">
      <Empty title="There is no such page" actions={<ButtonLink to="/">Go to the start</ButtonLink>}>
        The address leads nowhere in this console.
      </Empty>
    </main>
  );
}

export function Broken() {
  const error = useRouteError();
  const stale = error instanceof TypeError && /dynamically imported|module script/i.test(error.message);
  return (
    <main className="page" id="main" role="alert">
      <Empty
        title={stale ? "The console was renewed" : "This page broke"}
        actions={<Button onClick={() => location.reload()}>Load it again</Button>}
      >
        {stale ? "A newer version is on the server; load the page again to use it." : "It is a mistake in the console, not in the log."}
        {!stale && error instanceof Error && <code style={{ display: "block", marginTop: 8 }}>{error.message}</code>}
      </Empty>
    </main>
  );
}

export function NotPermitted({ page }: { page: Page }) {
  const organization = useOrganization();
  return (
    <main className="page" id="main">
      <Empty title={`You do not have access to ${page.title}`}>
        It needs the permission <code>{page.permission}</code> ({page.needs}){page.whole ? ` for all of ${organization.name}` : ""}, which none of your groups gives
        you. <WhomToAsk permission={page.permission} named />
      </Empty>
    </main>
  );
}

export function NoSuchOrganization({ slug }: { slug: string }) {
  return (
    <main className="page" id="main">
      <Empty title="No such organization" actions={<Link className="button" to="/">Go to your organizations</Link>}>
        There is no organization <code>{slug}</code>, or you are not one of its users.
      </Empty>
    </main>
  );
}
