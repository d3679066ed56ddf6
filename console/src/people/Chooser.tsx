// Choosing some of many by a search: users for a group, groups for a user.
import { Text } from "../text/Text";
import { Checkbox } from "../ui/Field";
import { Loading } from "../ui/states";
import { SearchInput } from "./Searched";

export type Choice = { id: string; name: string; hint?: string };

export function Chooser({ label, choices, chosen, onChange, search, onSearch, pending, none }: {
  label: string;
  choices: Choice[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
  search: string;
  onSearch: (text: string) => void;
  pending: boolean;
  none: string;
}) {
  const toggle = (id: string, on: boolean) => onChange(on ? [...chosen, id] : chosen.filter((one) => one !== id));
  return (
    <div>
      <SearchInput label={label} value={search} onChange={onSearch} />
      {pending ? (
        <Loading rows={3} />
      ) : choices.length === 0 ? (
        <p className="muted">{none}</p>
      ) : (
        <div className="people-choices" role="group" aria-label={label}>
          {choices.map((choice) => (
            <Checkbox key={choice.id} checked={chosen.includes(choice.id)} onChange={(event) => toggle(choice.id, event.target.checked)}>
              <Text>{choice.name}</Text> {choice.hint && <span className="muted"><Text>{choice.hint}</Text></span>}
            </Checkbox>
          ))}
        </div>
      )}
    </div>
  );
}
