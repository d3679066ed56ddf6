// A sentence with its parts told apart: the verb strong, the thing plain, the circumstance grey.
import { Text } from "../text/Text";
import { actorValue } from "./event";
import type { Piece } from "./sentence";
import { typedTarget } from "./terms";

/** In a row. */
export function RowSentence({ pieces }: { pieces: Piece[] }) {
  return pieces.map((piece, index) =>
    piece.role === "verb" ? (
      <b key={index}><Text>{piece.text}</Text></b>
    ) : piece.role === "circumstance" ? (
      <span key={index} className="circumstance"><Text>{piece.text}</Text></span>
    ) : (
      <Text key={index}>{piece.text}</Text>
    ),
  );
}

/** As a heading, its actor and targets being ways to what else there is of them. */
export function LinkedSentence({ pieces, onFilter }: { pieces: Piece[]; onFilter: (field: string, value: string) => void }) {
  return pieces.map((piece, index) => {
    const { target, actor } = piece;
    if (target?.id) {
      return (
        <button key={index} type="button" className="sentence-link" title="Show what else was done to it" onClick={() => onFilter("target", typedTarget(target.type, target.id ?? ""))}>
          <Text>{piece.text}</Text>
        </button>
      );
    }
    const value = actor && actorValue(actor);
    if (value) {
      return (
        <button key={index} type="button" className="sentence-link" title="Show what else they did" onClick={() => onFilter("actor", value)}>
          <Text>{piece.text}</Text>
        </button>
      );
    }
    return <Text key={index}>{piece.text}</Text>;
  });
}
