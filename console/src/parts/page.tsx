import { Link } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';

interface PageProps {
  readonly title: string;
  /** The pages above this one. */
  readonly trail?: readonly { readonly to: string; readonly text: string }[];
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A page: its heading takes the focus, so that it is read out when one arrives. */
export function Page({ title, trail = [], aside, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Latchkey`;
  }, [title]);
  useEffect(() => {
    // A dialog, or a field that asked for the focus, keeps it.
    if (document.activeElement === document.body || document.activeElement?.closest('nav')) heading.current?.focus();
  }, []);
  return (
    <>
      {trail.length > 0 && (
        <nav aria-label="Above this page" className="trail">
          {trail.map(({ to, text }) => (
            <span key={to}>
              <Link to={to}>{text}</Link> /{' '}
            </span>
          ))}
        </nav>
      )}
      <header className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside && <div className="actions">{aside}</div>}
      </header>
      {children}
    </>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <header className="card-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
