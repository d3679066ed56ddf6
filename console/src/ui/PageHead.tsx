// The head of a page: where it is, what it is called, what can be done on it.
import type { ReactNode } from "react";
import { Link } from "react-router";

export function PageHead({ title, about, back, actions }: {
  title: ReactNode;
  about?: ReactNode;
  back?: { to: string; label: string };
  actions?: ReactNode;
}) {
  return (
    <header className="page-head">
      <div className="grow">
        {back && <Link className="page-back" to={back.to}>← {back.label}</Link>}
        <h1 tabIndex={-1}>{title}</h1>
        {about && <p className="page-about">{about}</p>}
      </div>
      {actions && <div className="page-actions">{actions}</div>}
    </header>
  );
}
