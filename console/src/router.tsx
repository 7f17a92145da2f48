import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
  type SearchSchemaInput,
} from '@tanstack/react-router';
import { BASE } from './client';
import { NotHere } from './screens/not-here';
import { Shell } from './screens/shell';
import { SignIn } from './screens/sign-in';
import { session } from './session';

export interface ListSearch {
  readonly q?: string;
  readonly after?: string;
  readonly sort?: string;
  readonly status?: string;
  readonly method?: string;
  readonly role?: string;
  readonly expires?: string;
  readonly unused?: string;
  readonly event?: string;
  readonly actor?: string;
  readonly token?: string;
  readonly identity?: string;
  readonly outcome?: string;
  readonly req?: string;
  readonly days?: string;
}

/** Only the named parameters, and only texts: all that a page shows is in its address, and nothing else is. */
function only(...names: (keyof ListSearch)[]) {
  return (search: Record<string, unknown> & SearchSchemaInput): ListSearch =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = search[name];
        const text = typeof value === 'number' ? String(value) : value;
        return typeof text === 'string' && text !== '' ? [[name, text.slice(0, 300)]] : [];
      }),
    );
}

const root = createRootRoute({ notFoundComponent: NotHere });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: ({ to }: { to?: string } & SearchSchemaInput): { to?: string } => {
    const path = safeTarget(to);
    return path === undefined ? {} : { to: path };
  },
  beforeLoad: ({ search }) => {
    if (session.get() !== null) throw redirect({ href: search.to ?? '/', replace: true });
  },
  component: SignIn,
});

/** A plain path that stays within the console; any other is dropped. */
export function safeTarget(to: unknown): string | undefined {
  if (typeof to !== 'string' || !/^\/(?![/\\])[\w\-/.~%?=&+:,]*$/.test(to) || to.includes('..')) return undefined;
  if (/%(2f|5c|2e)/i.test(to.split('?')[0]!)) return undefined;
  return to.startsWith('/sign-in') ? undefined : to;
}

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  notFoundComponent: NotHere,
  beforeLoad: ({ location }) => {
    if (session.get() !== null) return;
    const to = safeTarget(location.href);
    throw redirect({ to: '/sign-in', search: to === undefined || to === '/' ? {} : { to }, replace: true });
  },
});

const overview = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('./screens/overview'), 'Overview'),
});

const identities = createRoute({
  getParentRoute: () => shell,
  path: '/identities',
  validateSearch: only('q', 'role', 'sort', 'after'),
  component: lazyRouteComponent(() => import('./screens/identities'), 'Identities'),
});

const identityScreen = () => import('./screens/identity');
const identity = createRoute({
  getParentRoute: () => shell,
  path: '/identities/$id',
  component: lazyRouteComponent(identityScreen, 'Identity'),
});
const identityTokens = createRoute({
  getParentRoute: () => identity,
  path: '/',
  validateSearch: only('status', 'after'),
  component: lazyRouteComponent(identityScreen, 'IdentityTokens'),
});
const methodScreen = () => import('./screens/methods');
const identityMethods = createRoute({
  getParentRoute: () => identity,
  path: '/methods',
  component: lazyRouteComponent(methodScreen, 'IdentityMethods'),
});
const identityMethod = createRoute({
  getParentRoute: () => identity,
  path: '/methods/$method',
  component: lazyRouteComponent(methodScreen, 'IdentityMethod'),
});
const clientSecrets = createRoute({
  getParentRoute: () => identity,
  path: '/secrets',
  validateSearch: only('after'),
  component: lazyRouteComponent(() => import('./screens/client-secrets'), 'ClientSecrets'),
});
const identitySettings = createRoute({
  getParentRoute: () => identity,
  path: '/edit',
  component: lazyRouteComponent(identityScreen, 'IdentityEdit'),
});
const identityAudit = createRoute({
  getParentRoute: () => identity,
  path: '/audit',
  validateSearch: only('event', 'outcome', 'after', 'days'),
  component: lazyRouteComponent(() => import('./screens/audit'), 'IdentityAudit'),
});

const newToken = createRoute({
  getParentRoute: () => shell,
  path: '/identities/$id/tokens/new',
  component: lazyRouteComponent(() => import('./screens/new-token'), 'NewToken'),
});

const tokens = createRoute({
  getParentRoute: () => shell,
  path: '/tokens',
  validateSearch: only('q', 'status', 'method', 'expires', 'unused', 'after'),
  component: lazyRouteComponent(() => import('./screens/tokens'), 'Tokens'),
});
const token = createRoute({
  getParentRoute: () => shell,
  path: '/tokens/$id',
  component: lazyRouteComponent(() => import('./screens/token'), 'Token'),
});
const audit = createRoute({
  getParentRoute: () => shell,
  path: '/audit',
  validateSearch: only('event', 'actor', 'identity', 'token', 'outcome', 'req', 'after', 'days'),
  component: lazyRouteComponent(() => import('./screens/audit'), 'Audit'),
});
const explain = createRoute({
  getParentRoute: () => shell,
  path: '/requests/$id',
  component: lazyRouteComponent(() => import('./screens/explain'), 'Explain'),
});
const roles = createRoute({
  getParentRoute: () => shell,
  path: '/organization',
  component: lazyRouteComponent(() => import('./screens/roles'), 'Organization'),
});
const nodes = createRoute({
  getParentRoute: () => shell,
  path: '/nodes',
  component: lazyRouteComponent(() => import('./screens/nodes'), 'Nodes'),
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  component: lazyRouteComponent(() => import('./screens/settings'), 'SettingsScreen'),
});

const nowhere = createRoute({ getParentRoute: () => shell, path: '$', component: NotHere });

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    overview,
    identities,
    newToken,
    identity.addChildren([
      identityTokens,
      identityMethods,
      identityMethod,
      clientSecrets,
      identitySettings,
      identityAudit,
    ]),
    tokens,
    token,
    audit,
    explain,
    roles,
    nodes,
    settings,
    nowhere,
  ]),
]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    basepath: BASE,
    search: { strict: true },
    defaultPreload: false,
    scrollRestoration: true,
    defaultNotFoundComponent: NotHere,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
