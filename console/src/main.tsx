import './tokens.css';
import './base.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ROOT } from './address';
import { mayPass } from './client';
import { setClock } from './clock';
import { signOut } from './parts/sign-in-form';
import { makeRouter } from './router';
import { restoreSession, session, watchSession } from './session';
import { apply } from './settings';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 300_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < 1 && mayPass(error),
    },
  },
});

/** After a deploy, a part of the page that was not loaded yet is gone: the page is loaded again, once. */
addEventListener('vite:preloadError', () => {
  const key = 'latchkey:reloaded';
  if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 30_000) return;
  sessionStorage.setItem(key, String(Date.now()));
  location.reload();
});

// The address in the page is relative to where the page was opened, and the router moves on from there.
document.querySelector<HTMLLinkElement>('link[rel=icon]')!.href = new URL('console/favicon.svg', ROOT).href;
apply();
await restoreSession();
// The other tabs look at clocks of their own, or have a session that is younger.
if (session.isOver()) void signOut({ inAllTabs: false });
watchSession(() => void signOut());
// What one identity has read is not shown to the next.
let identity = session.get()?.identityId;
session.subscribe(() => {
  const current = session.get()?.identityId;
  if (current === identity) return;
  identity = current;
  queries.clear();
});
void setClock();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);
