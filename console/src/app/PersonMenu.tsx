// The person who is signed in: how the console looks to them, and the way out.
import { useNavigate } from "react-router";

import { asProblem } from "../api/problem";
import { useSignOut, type Session } from "../api/session";
import { Text } from "../text/Text";
import { Icon } from "../ui/Icon";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from "../ui/Menu";
import { useTell } from "../ui/Toast";
import { chooseTheme, useThemeChoice } from "./theme";

function initials(name: string): string {
  const words = name.split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined].map((word) => (word ? Array.from(word)[0] : ""));
  return letters.join("").toLocaleUpperCase();
}

export function PersonMenu({ session }: { session: Session }) {
  const signOut = useSignOut();
  const navigate = useNavigate();
  const tell = useTell();
  const theme = useThemeChoice();
  const leave = () => {
    signOut().then(
      () => navigate("/sign-in", { replace: true }),
      (error: unknown) => tell(asProblem(error).detail, true),
    );
  };
  const trigger = (
    <button type="button" className="person">
      <span className="person-name"><Text>{session.user.name}</Text></span>
      <span className="visually-hidden">: your account</span>
      <span className="person-initials" aria-hidden="true">{initials(session.user.name)}</span>
    </button>
  );
  return (
    <Menu trigger={trigger} align="end" label="Your account">
      <MenuLabel>{session.user.email}</MenuLabel>
      <MenuItem onSelect={() => void navigate("/account")}>Account, sessions and tokens</MenuItem>
      <MenuSeparator />
      <MenuLabel>Theme</MenuLabel>
      <MenuChoice
        value={theme}
        onChange={chooseTheme}
        choices={[
          { value: "system", label: "As the system" },
          { value: "light", label: "Light" },
          { value: "dark", label: "Dark" },
        ]}
      />
      <MenuSeparator />
      <MenuItem onSelect={leave}>
        <Icon name="out" /> Sign out
      </MenuItem>
    </Menu>
  );
}
