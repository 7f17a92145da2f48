import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { Fragment, lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { whenRefused } from '../client';
import { now } from '../clock';
import { useKeys } from '../keys';
import { meQuery } from '../me';
import { Button, Mark } from '../parts/basics';
import { renew, signOut } from '../parts/sign-in-form';
import { SECTIONS } from '../sections';
import { session } from '../session';

// Not needed to sign in.
const Palette = lazy(() => import('./palette').then(({ Palette: component }) => ({ default: component })));
const KeySheet = lazy(() => import('./shell-boxes').then(({ KeySheet: component }) => ({ default: component })));
const SignInAgain = lazy(() => import('./shell-boxes').then(({ SignInAgain: component }) => ({ default: component })));

/** The frame of every page. */
export function Shell() {
  const current = useSyncExternalStore(session.subscribe, session.get);
  const navigate = useNavigate();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const [isOpen, setOpen] = useState(false);
  const [box, setBox] = useState<'palette' | 'keys' | 'sign-in' | null>(null);
  useKeys({ palette: () => setBox('palette'), help: () => setBox('keys') });
  useEffect(() => setOpen(false), [path]);
  useEffect(() => whenRefused(() => setBox('sign-in')), []);
  useRenewal();
  useEffect(() => {
    if (current === null && box !== 'sign-in') void navigate({ to: '/sign-in', replace: true });
  }, [current, box, navigate]);
  // What one identity was writing is not there for the next: its page begins again.
  const reader = useRef(current?.identityId);
  if (current !== null) reader.current = current.identityId;
  // Without a session nothing is asked for any more.
  if (current === null && box !== 'sign-in') return null;
  return (
    <div className="shell">
      <a className="skip" href="#main">
        To the content
      </a>
      <nav className="side" aria-label="Sections" id="sections" data-open={isOpen || undefined}>
        <Link to="/" className="brand">
          <Mark /> Latchkey
        </Link>
        <ul>
          {SECTIONS.map(([to, text]) => (
            <li key={to}>
              <Link to={to} activeOptions={{ exact: true }} aria-current={isWithin(path, to) ? 'page' : undefined}>
                {text}
              </Link>
            </li>
          ))}
        </ul>
        <Caller />
      </nav>
      <div>
        <div className="top">
          <Button
            className="menu-button"
            aria-expanded={isOpen}
            aria-controls="sections"
            onClick={() => setOpen(!isOpen)}
          >
            Menu
          </Button>
          <Button look="plain" onClick={() => setBox('palette')} aria-keyshortcuts="Control+K Meta+K">
            Find or do <kbd>Ctrl K</kbd>
          </Button>
        </div>
        <main id="main" tabIndex={-1}>
          <Ending />
          <Fragment key={reader.current}>
            <Outlet />
          </Fragment>
        </main>
      </div>
      <Suspense>
        {box === 'palette' && <Palette onClose={() => setBox(null)} />}
        {box === 'keys' && <KeySheet onClose={() => setBox(null)} />}
        {box === 'sign-in' && <SignInAgain onDone={() => setBox(null)} />}
      </Suspense>
    </div>
  );
}

function isWithin(path: string, to: string): boolean {
  const own = path.replace(/\/$/, '') || '/';
  return to === '/' ? own === '/' : own === to || own.startsWith(`${to}/`);
}

function Caller() {
  const { data } = useQuery(meQuery);
  return (
    <div className="who">
      {data && (
        <p className="note">
          <strong>{data.identityName}</strong>
          <br />
          {data.role} of {data.organization.name}
        </p>
      )}
      <Button onClick={() => void signOut()}>Sign out</Button>
    </div>
  );
}

function useRenewal(): void {
  const current = useSyncExternalStore(session.subscribe, session.get);
  useEffect(() => {
    if (current?.isOwn !== true || current.expiresAt === null) return;
    const timer = setTimeout(
      () => void renew().catch(() => undefined),
      Math.max(5_000, Math.min(((current.expiresAt - now()) * 2) / 3, 2_000_000_000)),
    );
    return () => clearTimeout(timer);
  }, [current]);
}

const WARN_MS = 10 * 60_000;

function Ending() {
  const current = useSyncExternalStore(session.subscribe, session.get);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  const left = (current?.expiresAt ?? Infinity) - now();
  if (current?.isOwn === true || left > WARN_MS || left < 0) return null;
  return (
    <p className="warning" role="status">
      The token of this session expires in {Math.max(1, Math.round(left / 60_000))} minutes.
    </p>
  );
}
