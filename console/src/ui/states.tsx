// What a page shows when it has nothing to show yet, nothing at all, or an error.
import type { ReactNode } from "react";

import { ApiProblem, asProblem } from "../api/problem";
import { Button } from "./Button";

export function Loading({ rows = 8, label = "Loading" }: { rows?: number; label?: string }) {
  return (
    <div role="status" aria-label={label} style={{ padding: "12px 0" }}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="skeleton" style={{ height: 12, margin: "18px 0", width: `${92 - ((index * 37) % 50)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className="state-actions">{actions}</div>}
    </div>
  );
}

/** Whether asking once more can bring another answer: what is not there, and what one may not see, stays so. */
function canChange({ status }: ApiProblem): boolean {
  return status !== 403 && status !== 404 && status !== 410;
}

/** What went wrong, with the request's id: what an administrator finds in the service's log. */
export function Failed({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const problem = asProblem(error);
  return (
    <div className="state" role="alert">
      <h2>{title ?? problem.title}</h2>
      <p>{sentence(problem)}</p>
      {problem.requestId && (
        <p className="state-detail">
          Request <code>{problem.requestId}</code>
        </p>
      )}
      {retry && canChange(problem) && (
        <div className="state-actions">
          <Button onClick={retry}>Try again</Button>
        </div>
      )}
    </div>
  );
}

function sentence(problem: ApiProblem): string {
  const text = problem.detail;
  return text ? text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}
