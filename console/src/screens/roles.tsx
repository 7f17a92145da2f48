import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, ask } from '../client';
import { meQuery } from '../me';
import { Facts, Failure, Id, Loading } from '../parts/basics';
import { Page, Section } from '../parts/page';
import { rolesQuery } from '../roles';

type Rules = readonly {
  readonly subject: string;
  readonly action: readonly string[];
  readonly inverted?: boolean;
  readonly conditions?: object;
}[];

/** The organization, and what each of its roles may do. */
export function Organization() {
  const { data: me } = useQuery(meQuery);
  const { data: roles, error, isPending, refetch } = useQuery(rolesQuery);
  const full = useQueries({
    queries: (roles ?? []).map(({ slug }) => ({
      queryKey: ['role', slug],
      queryFn: () =>
        ask(api.GET('/api/v1/organization/roles/slug/{slug}', { params: { path: { slug } } })).then(({ role }) => role),
      staleTime: 60_000,
    })),
  });
  const known = full.flatMap(({ data }) => (data ? [data] : []));
  return (
    <Page title={me?.organization.name ?? 'Organization'}>
      {me && (
        <Facts
          items={[
            ['Id of the organization', <Id key="id" value={me.organization.id} name="organization id" />],
            ['Slug', <Id key="slug" value={me.organization.slug} name="slug" />],
            ['Your role', me.role],
          ]}
        />
      )}
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {known.length > 0 && (
        <Section title="Roles">
          <Matrix roles={known} permissions={permissionsOf(known).filter((one) => isOwn(one))} />
          <details>
            <summary>Permissions that the routes of this server do not ask for</summary>
            <Matrix roles={known} permissions={permissionsOf(known).filter((one) => !isOwn(one))} />
          </details>
          <p className="note">
            Roles of your own are made with the API: <code>POST /api/v1/organization/roles</code>. ◐ allows under
            conditions.
          </p>
        </Section>
      )}
    </Page>
  );
}

interface FullRole {
  readonly slug: string;
  readonly name: string;
  readonly permissions: Rules;
}

function permissionsOf(roles: readonly FullRole[]): string[] {
  const named = roles.flatMap(({ permissions }) =>
    permissions.flatMap(({ subject, action }) => action.map((one) => `${subject}:${one}`)),
  );
  return [...new Set(named)].sort();
}

const OWN_SUBJECTS = ['identity', 'role', 'audit-logs', 'organization'];

function isOwn(permission: string): boolean {
  return OWN_SUBJECTS.includes(permission.split(':')[0]!);
}

function Matrix({ roles, permissions }: { roles: readonly FullRole[]; permissions: readonly string[] }) {
  return (
    <div className="matrix-scroll" tabIndex={0} role="region" aria-label="Permissions of each role">
      <table className="matrix">
        <caption className="unseen">Permissions of each role</caption>
        <thead>
          <tr>
            <th scope="col">Permission</th>
            {roles.map(({ slug, name }) => (
              <th key={slug} scope="col">
                <Link to="/identities" search={{ role: slug }}>
                  {name}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {permissions.map((permission) => (
            <tr key={permission}>
              <th scope="row">
                <code>{permission}</code>
              </th>
              {roles.map(({ slug, permissions: rules }) => (
                <td key={slug}>
                  <Allowed how={allowed(rules, permission)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The last rule that matches decides. */
function allowed(rules: Rules, permission: string): 'yes' | 'no' | 'partly' {
  const at = permission.indexOf(':');
  const [subject, action] = [permission.slice(0, at), permission.slice(at + 1)];
  const matching = rules.filter((rule) => rule.subject === subject && rule.action.includes(action));
  const last = matching.at(-1);
  if (last === undefined) return 'no';
  if (last.conditions !== undefined && last.conditions !== null) return 'partly';
  return last.inverted === true ? 'no' : 'yes';
}

const SIGNS = { yes: ['●', 'yes'], no: ['–', 'no'], partly: ['◐', 'under conditions'] } as const;

function Allowed({ how }: { how: 'yes' | 'no' | 'partly' }) {
  const [sign, word] = SIGNS[how];
  return (
    <>
      <span aria-hidden="true">{sign}</span>
      <span className="unseen">{word}</span>
    </>
  );
}
