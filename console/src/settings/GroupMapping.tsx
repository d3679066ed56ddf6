// Which groups the values of a provider's claim give: a line for each value.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useId } from "react";

import { useOrganization } from "../app/organization";
import { GroupChooser } from "../people/GroupChooser";
import { groupsQuery } from "../people/queries";
import { Text } from "../text/Text";
import { Button, IconButton } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Popover } from "../ui/Popover";
import { pointerOf, type Mapped } from "./provider";

export function GroupMapping({ claim, lines, errorOf, onClaim, onChange }: {
  claim: string;
  lines: Mapped[];
  errorOf: (pointer: string) => string | undefined;
  onClaim: (claim: string) => void;
  onChange: (lines: Mapped[]) => void;
}) {
  const change = (changed: Mapped) => onChange(lines.map((line) => (line.key === changed.key ? changed : line)));
  const add = () => onChange([...lines, { key: Math.max(-1, ...lines.map((line) => line.key)) + 1, value: "", groups: [] }]);
  return (
    <fieldset>
      <legend>Groups</legend>
      <p className="field-hint">At each sign-in people are put into the groups that the values of the claim give, and taken out of those that they give no more. Groups given by hand stay.</p>
      <div className="form-pairs">
        <TextField label="Groups claim" required spellCheck={false} value={claim} error={errorOf("/groups_claim")} onChange={(event) => onClaim(event.target.value)} />
      </div>
      {lines.length > 0 && (
        <ul className="mapping" aria-label="Values and their groups">
          {lines.map((line) => (
            <Line key={line.key} line={line} error={errorOf(pointerOf(line.value))} onChange={change} onRemove={() => onChange(lines.filter((one) => one !== line))} />
          ))}
        </ul>
      )}
      {errorOf("/group_mapping") && lines.length === 0 && <p className="field-error" role="alert">{errorOf("/group_mapping")}</p>}
      <span><Button onClick={add}>Add a value</Button></span>
    </fieldset>
  );
}

function Line({ line, error, onChange, onRemove }: { line: Mapped; error: string | undefined; onChange: (line: Mapped) => void; onRemove: () => void }) {
  const names = useGroupNames();
  const id = useId();
  const shown = line.groups.map((group) => names.get(group) ?? group).join(", ");
  return (
    <li className="mapping-line">
      <input
        className="input" aria-label="Value of the claim" placeholder="Value" required spellCheck={false} value={line.value}
        aria-invalid={error ? true : undefined} aria-describedby={error ? id : undefined}
        onChange={(event) => onChange({ ...line, value: event.target.value })}
      />
      <span aria-hidden="true" className="muted">→</span>
      <Popover
        label="Groups of the value" align="end"
        trigger={
          <Button className="mapping-groups" aria-label={`Groups of ${line.value || "the value"}: ${shown || "none"}`}>
            <span className="grow">{shown ? <Text>{shown}</Text> : <span className="muted">Choose groups</span>}</span> <span className="caret" aria-hidden="true">▾</span>
          </Button>
        }
      >
        <div className="mapping-choices"><GroupChooser chosen={line.groups} onChange={(groups) => onChange({ ...line, groups })} /></div>
      </Popover>
      <IconButton icon="close" name={`Remove ${line.value || "the value"}`} kind="quiet" onClick={onRemove} />
      {error && <span id={id} className="field-error" role="alert">{error}</span>}
    </li>
  );
}

/** What groups are called, as far as the first page of them says; others are shown by their id. */
function useGroupNames(): Map<string, string> {
  const { slug } = useOrganization();
  const groups = useInfiniteQuery(groupsQuery(slug, ""));
  return new Map((groups.data?.pages ?? []).flatMap((page) => page.groups).map((group) => [group.id, group.name]));
}
