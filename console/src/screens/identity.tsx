import { keepPreviousData, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useParams, useRouterState, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, ask } from '../client';
import { useMissing } from '../me';
import { Ago, Badge, Button, Check, Choice, Empty, Facts, Failure, Field, Id, Loading } from '../parts/basics';
import { Confirm } from '../parts/dialog';
import { Page, Section } from '../parts/page';
import { Pager } from '../parts/table';
import { TokenTable } from '../parts/token-table';
import { methodName } from '../parts/token-status';
import { rolesQuery } from '../roles';

export const identityQuery = (id: string) =>
  queryOptions({
    queryKey: ['identity', id],
    queryFn: () =>
      ask(api.GET('/api/v1/identities/{identityId}', { params: { path: { identityId: id } } })).then(
        ({ identity }) => identity,
      ),
  });

const TABS = [
  ['', 'Tokens'],
  ['/methods', 'Auth methods'],
  ['/edit', 'Name, role and labels'],
  ['/audit', 'Audit'],
] as const;

/** The router would mark every link that the address begins with. */
const EXACT = { exact: true };

/** Everything that one program has. */
export function Identity() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const missing = useMissing();
  const { data, error, isPending, refetch } = useQuery(identityQuery(id));
  const hasUniversal = data?.identity.authMethods.includes('universal-auth');
  const tabs = [
    ...TABS.slice(0, 2),
    ...(hasUniversal ? [['/secrets', 'Client secrets'] as const] : []),
    ...TABS.slice(2),
  ];
  const base = `/identities/${id}`;
  if (isPending || error)
    return (
      <Page title="Identity" trail={[{ to: '/identities', text: 'Identities' }]}>
        {isPending ? <Loading /> : <Failure error={error} again={() => void refetch()} />}
      </Page>
    );
  const locked = data.identity.activeLockoutAuthMethods;
  return (
    <Page
      title={data.identity.name}
      trail={[{ to: '/identities', text: 'Identities' }]}
      aside={<NewTokenLink id={id} missing={missing('identity:create-token')} has={data.identity.authMethods} />}
    >
      <Facts
        items={[
          ['Id of the identity', <Id key="id" value={id} name="identity id" />],
          ['Role', data.customRole?.name ?? data.role],
          [
            'Last login',
            data.lastLoginTime ? (
              <>
                <Ago time={data.lastLoginTime} /> by {methodName(data.lastLoginAuthMethod ?? '')}
              </>
            ) : (
              'never'
            ),
          ],
          ['Made', <Ago key="made" time={data.createdAt} />],
          ['Protected from deletion', data.identity.hasDeleteProtection ? 'yes' : 'no'],
        ]}
      />
      {locked.length > 0 && (
        <p>
          <Badge tone="warn" shape="◷">
            Locked: {locked.map(methodName).join(', ')}
          </Badge>
        </p>
      )}
      <nav className="tabs" aria-label="Of this identity">
        {tabs.map(([part, text]) => (
          <Link
            key={part}
            to={`${base}${part}`}
            search={{}}
            activeOptions={EXACT}
            aria-current={isAt(path, base, part) ? 'page' : undefined}
          >
            {text}
          </Link>
        ))}
      </nav>
      <Outlet />
    </Page>
  );
}

function isAt(path: string, base: string, part: string): boolean {
  const own = path.replace(/\/$/, '').slice(path.indexOf(base) + base.length);
  return part === '' ? own === '' : own.startsWith(part);
}

function NewTokenLink({ id, missing, has }: { id: string; missing: string | false; has: readonly string[] }) {
  if (missing)
    return (
      <Button look="main" missing={missing}>
        New token
      </Button>
    );
  const isReady = has.includes('token-auth');
  return (
    <Link
      className="button main"
      to={isReady ? '/identities/$id/tokens/new' : '/identities/$id/methods/$method'}
      params={{ id, method: 'token-auth' }}
    >
      {isReady ? 'New token' : 'Attach Token Auth'}
    </Link>
  );
}

const STATUSES = [
  ['live', 'Live'],
  ['expired', 'Expired'],
  ['all', 'All, newest first'],
] as const;

export function IdentityTokens() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const { status = 'live', after } = useSearch({ from: '/shell/identities/$id/' });
  const navigate = useNavigate({ from: '/identities/$id' });
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['tokens', 'of', id, status, after],
    queryFn: ({ signal }) => {
      const query = { identityId: id, status: status as 'live', limit: 50, ...(after ? { cursor: after } : {}) };
      return ask(api.GET('/api/latchkey/v1/access-tokens', { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <search className="filters">
        <Choice
          label="Status"
          value={status}
          options={STATUSES}
          onChoose={(chosen) =>
            void navigate({ to: '.', search: chosen === 'live' ? {} : { status: chosen }, replace: true })
          }
        />
      </search>
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && data.accessTokens.length > 0 && (
        <div>
          <TokenTable caption="Tokens of this identity" rows={data.accessTokens} />
          <Pager after={after} next={data.nextCursor} total={`${data.accessTokens.length} on this page`} />
        </div>
      )}
      {data?.accessTokens.length === 0 && (
        <Empty title={status === 'all' ? 'This identity has no token yet.' : 'No token has this status.'}>
          {data.nextCursor ? (
            <Pager after={after} next={data.nextCursor} total="Older tokens were not looked at yet." />
          ) : status !== 'all' ? (
            <Button onClick={() => void navigate({ to: '.', search: { status: 'all' } })}>Show all</Button>
          ) : null}
        </Empty>
      )}
    </>
  );
}

interface Label {
  readonly key: string;
  readonly value: string;
}

/** Name, role, labels and protection, saved as a whole; and the end of an identity. */
export function IdentityEdit() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const { data } = useQuery(identityQuery(id));
  if (!data) return null;
  const { identity, metadata, customRole, role } = data;
  return (
    <EditForm
      key={identity.updatedAt}
      id={id}
      name={identity.name}
      role={customRole?.slug ?? role}
      isProtected={identity.hasDeleteProtection}
      labels={metadata.map(({ key, value }) => ({ key, value }))}
    />
  );
}

interface EditProps {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly isProtected: boolean;
  readonly labels: readonly Label[];
}

function EditForm({ id, ...before }: EditProps) {
  const missing = useMissing();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { data: roles = [] } = useQuery(rolesQuery);
  const [name, setName] = useState(before.name);
  const [role, setRole] = useState(before.role);
  const [isProtected, setProtected] = useState(before.isProtected);
  const [labels, setLabels] = useState(before.labels);
  const [isDeleting, setDeleting] = useState(false);
  const path = { identityId: id };
  const save = useMutation({
    mutationFn: () => {
      const metadata = labels.filter(({ key }) => key.trim() !== '');
      const body = { name, hasDeleteProtection: isProtected, metadata, ...(role === before.role ? {} : { role }) };
      return ask(api.PATCH('/api/v1/identities/{identityId}', { params: { path }, body }));
    },
    onSuccess: () =>
      Promise.all(['identity', 'identities'].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
  const setLabel = (at: number, change: Partial<Label>) =>
    setLabels(labels.map((label, place) => (place === at ? { ...label, ...change } : label)));
  return (
    <>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing('identity:edit') && !save.isPending) save.mutate();
        }}
      >
        <div className="form">
          <Field label="Name" value={name} required maxLength={255} onChange={(event) => setName(event.target.value)} />
          <Choice
            label="Role"
            value={role}
            options={roles.map(({ slug, name: text }) => [slug, text])}
            onChoose={setRole}
          />
        </div>
        <Section title="Labels">
          {labels.map(({ key, value }, at) => (
            <div className="form" key={at}>
              <Field
                label={`Key ${at + 1}`}
                value={key}
                onChange={(event) => setLabel(at, { key: event.target.value })}
              />
              <Field
                label={`Value ${at + 1}`}
                value={value}
                onChange={(event) => setLabel(at, { value: event.target.value })}
              />
            </div>
          ))}
          <div className="actions">
            <Button onClick={() => setLabels([...labels, { key: '', value: '' }])}>Add a label</Button>
            {labels.length > 0 && <Button onClick={() => setLabels(labels.slice(0, -1))}>Remove the last</Button>}
          </div>
        </Section>
        <Check
          label="Protected from deletion"
          checked={isProtected}
          onChange={(event) => setProtected(event.target.checked)}
        />
        {save.error && <Failure error={save.error} />}
        <div className="actions">
          <Button type="submit" look="main" missing={missing('identity:edit')} aria-disabled={save.isPending}>
            Save
          </Button>
          <span role="status" className="note">
            {save.isSuccess ? 'Saved.' : ''}
          </span>
        </div>
      </form>
      <Section title="Delete">
        <p>Its tokens and its client secrets end with it, at once on every node.</p>
        <div className="actions">
          <Button
            look="danger"
            missing={before.isProtected ? 'the protection to be taken off' : missing('identity:delete')}
            onClick={() => setDeleting(true)}
          >
            Delete {before.name}…
          </Button>
        </div>
      </Section>
      {isDeleting && (
        <Confirm
          title={`Delete ${before.name}`}
          action={`Delete ${before.name}`}
          isDangerous
          typed={before.name}
          onClose={() => setDeleting(false)}
          act={async () => {
            await ask(api.DELETE('/api/v1/identities/{identityId}', { params: { path } }));
            await queries.invalidateQueries({ queryKey: ['identities'] });
            void navigate({ to: '/identities', search: {} });
          }}
        >
          <p>Every token of this identity is refused from now on. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
