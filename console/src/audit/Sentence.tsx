// A sentence with its parts told apart: the verb strong, the thing plain, the circumstance grey.
import { Fragment } from "react";

import { Text } from "../text/Text";
import { actorValue, type AuditEvent } from "./event";
import type { Piece } from "./sentence";
import { typedTarget } from "./terms";

/**
 * In a row. With `linked` its targets are buttons that say so with the number of the target; the list opens what there is to do. They
 * are no stops of the Tab key: the list is one, and has the menu of the marked row.
 */
export function RowSentence({ pieces, linked }: { pieces: Piece[]; linked?: AuditEvent }) {
  return pieces.map((piece, index) => {
    const at = linked && piece.target?.id ? linked.targets.indexOf(piece.target) : -1;
    const text = at >= 0 ? <Part of={`target:${at}`}>{piece.text}</Part> : <Text>{piece.text}</Text>;
    if (piece.role === "verb") return <b key={index}>{text}</b>;
    return piece.role === "circumstance" ? <span key={index} className="circumstance">{text}</span> : <Fragment key={index}>{text}</Fragment>;
  });
}

/** An actor or a target that a row names. */
export function Part({ of, children }: { of: string; children: string }) {
  return <Text role="button" tabIndex={-1} aria-haspopup="menu" className="text part" data-part={of}>{children}</Text>;
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
