import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { api, ask, type Schemas } from '../client';
import { meQuery, useMissing } from '../me';
import { Ago, Button, Check, Choice, Empty, Failure, Field, Loading, Name } from '../parts/basics';
import { Box } from '../parts/dialog';
import { Page } from '../parts/page';
import { rolesQuery } from '../roles';
import { Search } from '../parts/search';
import { Pager, Table, totalOf } from '../parts/table';
import { methodName } from '../parts/token-status';
import type { ListSearch } from '../router';

const SORTS = [
  ['name', 'Name, A to Z'],
  ['-name', 'Name, Z to A'],
  ['role', 'Role'],
] as const;

export function Identities() {
  const search = useSearch({ from: '/shell/identities' });
  const navigate = useNavigate({ from: '/identities' });
  const missing = useMissing();
  const [isMaking, setMaking] = useState(false);
  const { data: roles = [] } = useQuery(rolesQuery);
  const { data, error, isPending, refetch, isPlaceholderData } = useQuery({
    queryKey: ['identities', search],
    queryFn: ({ signal }) => ask(api.POST('/api/v1/identities/search', { body: bodyOf(search), signal })),
    placeholderData: keepPreviousData,
  });
  const change = useCallback(
    (part: Partial<ListSearch>) =>
      void navigate({ search: ({ after: _after, ...old }) => ({ ...old, ...part }), replace: true }),
    [navigate],
  );
  const onSearch = useCallback((q: string) => change({ q: q || undefined }), [change]);
  const isFiltered = search.q !== undefined || search.role !== undefined;
  return (
    <Page
      title="Identities"
      aside={
        <Button look="main" missing={missing('identity:create')} onClick={() => setMaking(true)}>
          New identity
        </Button>
      }
    >
      <search className="filters">
        <Search label="Search names" value={search.q ?? ''} onSearch={onSearch} />
        <Choice
          label="Role"
          value={search.role ?? ''}
          options={[['', 'Any'], ...roles.map(({ slug, name }): [string, string] => [slug, name])]}
          onChoose={(role) => change({ role: role || undefined })}
        />
        <Choice
          label="Order"
          value={search.sort ?? 'name'}
          options={SORTS}
          onChoose={(sort) => change({ sort: sort === 'name' ? undefined : sort })}
        />
      </search>
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && data.identities.length > 0 && (
        <div aria-busy={isPlaceholderData}>
          <Table caption="Identities" rows={data.identities} idOf={({ identityId }) => identityId} columns={COLUMNS} />
          <Pager
            after={search.after}
            next={data.nextCursor}
            total={totalOf(data.totalCount, data.isTotalCountCapped, data.totalCount === 1 ? 'identity' : 'identities')}
          />
        </div>
      )}
      {data?.identities.length === 0 &&
        (isFiltered ? (
          <Empty title="No identity matches.">
            <Button onClick={() => change({ q: undefined, role: undefined })}>Clear filters</Button>
          </Empty>
        ) : (
          <Empty title="A program needs an identity.">
            <p>An identity stands for one program. It gets tokens by hand, or by a login.</p>
            <Button look="main" missing={missing('identity:create')} onClick={() => setMaking(true)}>
              New identity
            </Button>
          </Empty>
        ))}
      {isMaking && <NewIdentity onClose={() => setMaking(false)} />}
    </Page>
  );
}

function bodyOf({ q, role, sort = 'name', after }: ListSearch): Schemas['SearchIdentitiesDto'] {
  const filter = { ...(q ? { name: { $contains: q } } : {}), ...(role ? { role } : {}) };
  return {
    limit: 50,
    orderBy: sort.endsWith('role') ? 'role' : 'name',
    orderDirection: sort.startsWith('-') ? 'desc' : 'asc',
    ...(Object.keys(filter).length > 0 ? { search: filter } : {}),
    ...(after === undefined ? {} : { cursor: after }),
  };
}

type Row = Schemas['MembershipDto'];

const COLUMNS = [
  {
    name: 'Name',
    cell: ({ identityId, identity }: Row) => (
      <Link to="/identities/$id" params={{ id: identityId }} search={{}}>
        <Name text={identity.name} />
      </Link>
    ),
  },
  { name: 'Role', cell: ({ customRole, role }: Row) => customRole?.name ?? role },
  { name: 'Methods', cell: ({ identity }: Row) => identity.authMethods.map(methodName).join(' · ') || '–' },
  { name: 'Last login', cell: ({ lastLoginTime }: Row) => <Ago time={lastLoginTime} /> },
  { name: 'Made', cell: ({ identity }: Row) => <Ago time={identity.createdAt} /> },
];

function NewIdentity({ onClose }: { onClose: () => void }) {
  const { data: me } = useQuery(meQuery);
  const { data: roles = [] } = useQuery(rolesQuery);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [role, setRole] = useState('no-access');
  const make = useMutation({
    mutationFn: async (form: FormData) => {
      const body = { name: String(form.get('name')), organizationId: me?.organization.id ?? '', role };
      const { identity } = await ask(api.POST('/api/v1/identities', { body }));
      const path = { identityId: identity.id };
      if (form.has('token-auth'))
        await ask(api.POST('/api/v1/auth/token-auth/identities/{identityId}', { params: { path }, body: {} }));
      if (form.has('universal-auth'))
        await ask(api.POST('/api/v1/auth/universal-auth/identities/{identityId}', { params: { path }, body: {} }));
      return identity;
    },
    onSuccess: async ({ id }) => {
      await queries.invalidateQueries({ queryKey: ['identities'] });
      onClose();
      void navigate({ to: '/identities/$id', params: { id }, search: {} });
    },
  });
  return (
    <Box title="New identity" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!make.isPending) make.mutate(new FormData(event.currentTarget));
        }}
      >
        <Field
          label="Name"
          name="name"
          required
          maxLength={255}
          autoComplete="off"
          autoFocus
          help="The program it stands for."
        />
        <Choice
          label="Role"
          value={role}
          options={roles.map(({ slug, name }) => [slug, name])}
          onChoose={setRole}
          help="What its tokens may do here. A program that only shows its token needs no access."
        />
        <fieldset>
          <legend>Ways to get a token</legend>
          <Check label="Token Auth: tokens made by hand" name="token-auth" defaultChecked />
          <Check label="Universal Auth: a client id and secret" name="universal-auth" />
        </fieldset>
        {make.error && <Failure error={make.error} />}
        <div className="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="main" aria-disabled={make.isPending}>
            Create identity
          </Button>
        </div>
      </form>
    </Box>
  );
}
