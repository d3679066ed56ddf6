// Whether a check held, did not, or could not be made: by a sign, by its colour, and in words for who sees neither.

export type State = "ok" | "failed" | "unchecked";

const SIGNS: Record<State, string> = { ok: "✓", failed: "✗", unchecked: "!" };
const WORDS: Record<State, string> = { ok: "Holds: ", failed: "Failed: ", unchecked: "Not checked: " };

export function Mark({ state }: { state: State }) {
  return (
    <>
      <span className={`mark-sign mark-${state}`} aria-hidden="true">{SIGNS[state]}</span>
      <span className="visually-hidden">{WORDS[state]}</span>
    </>
  );
}
