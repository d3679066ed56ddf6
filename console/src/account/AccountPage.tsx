// The person's own account: where they are signed in, their tokens, their password and second factor.
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, Navigate } from "react-router";

import { sessionQuery } from "../api/session";
import { PersonMenu } from "../app/PersonMenu";
import { Text } from "../text/Text";
import { PageHead } from "../ui/PageHead";
import { Failed } from "../ui/states";
import { OwnSessions } from "./OwnSessions";
import { Password } from "./Password";
import { SecondFactor } from "./SecondFactor";
import { Tokens } from "./Tokens";
import "../app/frame.css";
import "../styles/pages.css";

export function Component() {
  const session = useQuery(sessionQuery);
  useEffect(() => {
    document.title = "Your account · Actarium";
  }, []);
  if (session.isPending) return <div className="app-waiting" role="status" aria-label="Loading" />;
  if (session.error && !session.data) return <Failed error={session.error} retry={() => void session.refetch()} />;
  if (!session.data) return <Navigate to="/sign-in?next=/account" replace />;
  const { user } = session.data;
  return (
    <div className="app app-bare">
      <header className="app-header">
        <Link to="/" className="mark" aria-label="Actarium, to the start">Act<i>a</i>rium</Link>
        <div className="grow" />
        <PersonMenu session={session.data} />
      </header>
      <main className="page" id="main">
        <PageHead back={{ to: "/", label: "Your organizations" }} title="Your account" about={<><Text>{user.name}</Text>, <Text>{user.email}</Text></>} />
        <OwnSessions />
        <SecondFactor on={session.data.second_factor} />
        <Password />
        <Tokens session={session.data} />
      </main>
    </div>
  );
}
