// The organization that is looked at, and the way to another of the person's; with a search, for who has many.
import { useId, useState, type KeyboardEvent } from "react";
import { useNavigate } from "react-router";

import type { OwnOrganization, Session } from "../api/session";
import { Text } from "../text/Text";
import { Popover } from "../ui/Popover";

/** From this many on, there is a search. */
const SEARCHED_FROM = 6;

export function OrganizationSwitcher({ session, current }: { session: Session; current: OwnOrganization | undefined }) {
  const [open, setOpen] = useState(false);
  const trigger = (
    <button type="button" className="button org-button">
      <span className="visually-hidden">Organization: </span>
      <b><Text>{current?.name ?? "Choose an organization"}</Text></b>
      <span className="caret" aria-hidden="true">▾</span>
    </button>
  );
  return (
    <Popover trigger={trigger} open={open} onOpenChange={setOpen} label="Organizations" plain>
      <Choices session={session} current={current} onChosen={() => setOpen(false)} />
    </Popover>
  );
}

function Choices({ session, current, onChosen }: { session: Session; current: OwnOrganization | undefined; onChosen: () => void }) {
  const navigate = useNavigate();
  const id = useId();
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLocaleLowerCase();
  const found = session.organizations.filter((one) => `${one.name}\n${one.slug}`.toLocaleLowerCase().includes(wanted));
  const [marked, setMarked] = useState(() => Math.max(0, session.organizations.findIndex((one) => one.slug === current?.slug)));
  const at = Math.min(marked, found.length - 1);
  const choose = (organization: OwnOrganization | undefined) => {
    if (!organization) return;
    onChosen();
    void navigate(`/orgs/${organization.slug}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setMarked(Math.min(Math.max(at + step, 0), found.length - 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at]);
    }
  };
  const searched = session.organizations.length >= SEARCHED_FROM;
  return (
    <div className="org-choices" onKeyDown={onKeyDown}>
      {searched && (
        <input
          className="input"
          role="combobox"
          aria-label="Search organizations"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={found[at] ? `${id}-${at}` : undefined}
          placeholder="Search organizations"
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            setMarked(0);
          }}
        />
      )}
      <div id={`${id}-list`} role="listbox" aria-label="Organizations" tabIndex={searched ? -1 : 0} aria-activedescendant={found[at] ? `${id}-${at}` : undefined}>
        {found.map((organization, index) => (
          <div
            key={organization.slug}
            id={`${id}-${index}`}
            role="option"
            aria-selected={organization.slug === current?.slug}
            className="menu-item"
            data-highlighted={index === at ? "" : undefined}
            onPointerMove={() => setMarked(index)}
            onClick={() => choose(organization)}
          >
            <span className="menu-check">{organization.slug === current?.slug && "✓"}</span>
            <Text>{organization.name}</Text>
            <span className="menu-hint mono">{organization.slug}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className="menu-label">None of your organizations is called that.</p>}
    </div>
  );
}
