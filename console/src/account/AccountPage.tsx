// The person's own account: where they are signed in, their tokens, their password and second factor.
import { useEffect } from "react";

import { BareFrame, useSignedIn } from "../app/Frame";
import { Text } from "../text/Text";
import { PageHead } from "../ui/PageHead";
import { OwnSessions } from "./OwnSessions";
import { Password } from "./Password";
import { SecondFactor } from "./SecondFactor";
import { Tokens } from "./Tokens";
import "../styles/pages.css";

export function Component() {
  const signedIn = useSignedIn();
  useEffect(() => {
    document.title = "Your account · Actarium";
  }, []);
  if ("instead" in signedIn) return signedIn.instead;
  const { session } = signedIn;
  return (
    <BareFrame session={session}>
      <PageHead back={{ to: "/", label: "Your organizations" }} title="Your account" about={<><Text>{session.user.name}</Text>, <Text>{session.user.email}</Text></>} />
      <OwnSessions />
      <SecondFactor on={session.second_factor} />
      <Password />
      <Tokens session={session} />
    </BareFrame>
  );
}
