import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api, ask, type Schemas } from '../client';
import { briefly, exactly, now } from '../clock';
import { Badge, Button, Choice, Copy, Empty, Failure, Id, Loading, Name } from '../parts/basics';
import { Page } from '../parts/page';
import { Pager } from '../parts/table';
import type { ListSearch } from '../router';

type Event = Schemas['AuditLogDto'];

const DAY_MS = 86_400_000;
const SPANS = [
  ['1', 'Last 24 hours'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
  ['92', 'Last 92 days'],
] as const;
const OUTCOMES = [
  ['', 'Any'],
  ['success', 'Done'],
  ['refused', 'Refused'],
  ['failed', 'Failed'],
] as const;
const EVENTS = [
  ['', 'Any'],
  ['create-identity,update-identity,delete-identity', 'Identities changed'],
  ['create-token-identity-token-auth,rotate-token-identity-token-auth', 'Tokens made'],
  ['revoke-token-identity-token-auth,revoke-identity-access-token', 'Tokens revoked'],
  [
    'login-identity-universal-auth,login-identity-jwt-auth,login-identity-oidc-auth,login-identity-kubernetes-auth,login-identity-aws-auth,login-identity-gcp-auth,login-identity-azure-auth',
    'Logins',
  ],
  ['create-identity-universal-auth-client-secret,revoke-identity-universal-auth-client-secret', 'Client secrets'],
  ['create-org-role,update-org-role,delete-org-role', 'Roles changed'],
] as const;

/** How many events of a filter there may be on a page. */
const PAGE = 50;

function queryOf(filter: ListSearch, limit: number) {
  const { event, actor, identity, token, outcome, req, after } = filter;
  const days = Math.min(92, Math.max(1, Number(filter.days) || 1));
  const minute = Math.ceil(now() / 60_000) * 60_000;
  return {
    limit,
    startDate: new Date(minute - days * DAY_MS).toISOString(),
    endDate: new Date(minute).toISOString(),
    ...(event ? { eventType: event } : {}),
    ...(actor ? { actor } : {}),
    ...(identity ? { identityId: identity } : {}),
    ...(token ? { tokenId: token } : {}),
    ...(outcome ? { outcome: outcome as 'success' } : {}),
    ...(req ? { reqId: req } : {}),
    ...(after ? { cursor: after } : {}),
  };
}

function useEvents(filter: ListSearch, limit: number) {
  return useQuery({
    queryKey: ['audit', filter, limit],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/organization/audit-logs', { params: { query: queryOf(filter, limit) }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function Audit() {
  const search = useSearch({ from: '/shell/audit' });
  return (
    <Page title="Audit log">
      <Explorer search={search} />
    </Page>
  );
}

/** The tab of an identity: what it did, and what was done to it. */
export function IdentityAudit() {
  const { id } = useParams({ from: '/shell/identities/$id' });
  const search = useSearch({ from: '/shell/identities/$id/audit' });
  return <Explorer search={{ ...search, identity: id }} isOfIdentity />;
}

function Explorer({ search, isOfIdentity = false }: { search: ListSearch; isOfIdentity?: boolean }) {
  const navigate = useNavigate();
  const { data, error, isPending, refetch } = useEvents(search, PAGE);
  const change = (part: Partial<ListSearch>) =>
    void navigate({
      to: '.',
      search: (({ after: _after, ...old }: ListSearch) => ({ ...old, ...part })) as never,
    });
  const chips = (['actor', 'identity', 'token', 'req'] as const).filter(
    (name) => search[name] !== undefined && !(isOfIdentity && name === 'identity'),
  );
  return (
    <>
      <search className="filters">
        <Choice
          label="Event"
          value={search.event ?? ''}
          options={known(search.event)}
          onChoose={(event) => change({ event: event || undefined })}
        />
        <Choice
          label="Outcome"
          value={search.outcome ?? ''}
          options={OUTCOMES}
          onChoose={(outcome) => change({ outcome: outcome || undefined })}
        />
        <Choice label="Time" value={search.days ?? '1'} options={SPANS} onChoose={(days) => change({ days })} />
      </search>
      {chips.length > 0 && (
        <div className="chips">
          {chips.map((name) => (
            <Button key={name} onClick={() => change({ [name]: undefined })} aria-label={`Remove the filter ${name}`}>
              {name}: {search[name]} <span aria-hidden="true">✕</span>
            </Button>
          ))}
        </div>
      )}
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && data.auditLogs.length > 0 && (
        <div>
          <List events={data.auditLogs} onFilter={(part) => change(part)} />
          <Pager after={search.after} next={data.nextCursor} total={`${data.auditLogs.length} on this page`} />
        </div>
      )}
      {data?.auditLogs.length === 0 && (
        <Empty title="No event matches in this time.">
          <Button
            onClick={() =>
              change({
                event: undefined,
                outcome: undefined,
                actor: undefined,
                identity: undefined,
                token: undefined,
                req: undefined,
                days: '92',
              })
            }
          >
            Clear filters, last 92 days
          </Button>
        </Empty>
      )}
    </>
  );
}

/** A type that a link has named is among the choices. */
function known(event: string | undefined): readonly (readonly [string, string])[] {
  return event === undefined || EVENTS.some(([value]) => value === event) ? EVENTS : [...EVENTS, [event, event]];
}

/** The latest events of a filter, as a part of another page. */
export function Events({ filter, limit }: { filter: ListSearch; limit: number }) {
  const { data, error, isPending } = useEvents(filter, limit);
  if (isPending) return <Loading rows={2} />;
  if (error) return <Failure error={error} />;
  if (data.auditLogs.length === 0) return <p className="muted">None.</p>;
  return <List events={data.auditLogs} />;
}

export function OutcomeBadge({ event: { outcome } }: { event: Event }) {
  if (outcome === 'success')
    return (
      <Badge tone="good" shape="●">
        Done
      </Badge>
    );
  return (
    <Badge tone={outcome === 'refused' ? 'danger' : 'warn'} shape={outcome === 'refused' ? '■' : '▲'}>
      {outcome === 'refused' ? 'Refused' : 'Failed'}
    </Badge>
  );
}

export function textOf(metadata: object, ...names: string[]): string | undefined {
  const values = metadata as Record<string, unknown>;
  const found = names.map((name) => values[name]).find((value) => typeof value === 'string');
  return found as string | undefined;
}

const ACTORS: Readonly<Record<string, string>> = {
  unknown: 'an unknown program',
  platform: 'Latchkey',
  operator: 'an operator',
  host: 'the host',
};

/** The words of a person for the name of an event. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(\w+)-token-identity-token-auth$/, '$1 token'],
  [/^login-identity-(.+)-auth$/, 'log in by $1 auth'],
  [/^lock-out-identity-(.+)-auth$/, 'lock out $1 auth'],
  [/^add-identity-(.+)-auth$/, 'attach $1 auth'],
  [/^update-identity-(.+)-auth$/, 'change $1 auth'],
  [/^revoke-identity-(.+)-auth$/, 'remove $1 auth'],
  [/^(\w+)-identity-universal-auth-client-secrets?$/, '$1 client secret'],
  [/^clear-identity-(.+)-auth-lockouts$/, 'clear lock-out of $1 auth'],
  [/^(\w+)-identity-access-token$/, '$1 token'],
  [/^(\w+)-org-role(s?)$/, '$1 role$2'],
];

/** "revoke-token-identity-token-auth" is "Revoke token". */
export function eventName(type: string): string {
  const found = WORDS.find(([pattern]) => pattern.test(type));
  const words = (found ? type.replace(found[0], found[1]) : type).replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function List({ events, onFilter }: { events: readonly Event[]; onFilter?: (part: Partial<ListSearch>) => void }) {
  return (
    <div>
      {events.map((event) => (
        <Row key={event.id} event={event} {...(onFilter ? { onFilter } : {})} />
      ))}
    </div>
  );
}

function Row({ event, onFilter }: { event: Event; onFilter?: (part: Partial<ListSearch>) => void }) {
  const [isOpen, setOpen] = useState(false);
  const { actor, createdAt, ipAddress } = event;
  const target = textOf(event.event.metadata, 'name', 'tokenName', 'slug', 'description');
  return (
    <details className="event" onToggle={(toggled) => setOpen(toggled.currentTarget.open)}>
      <summary>
        <time dateTime={createdAt} title={exactly(createdAt)}>
          {briefly(createdAt)}
        </time>
        <span>
          {eventName(event.event.type)}{' '}
          {target && (
            <strong>
              <Name text={target} />
            </strong>
          )}
        </span>
        <span className="muted">
          by <Name text={textOf(actor.metadata, 'name') ?? ACTORS[actor.type] ?? actor.type} />
        </span>
        <code>{ipAddress ?? '–'}</code>
        <OutcomeBadge event={event} />
      </summary>
      {isOpen && <Details event={event} {...(onFilter ? { onFilter } : {})} />}
    </details>
  );
}

function Details({ event, onFilter }: { event: Event; onFilter?: (part: Partial<ListSearch>) => void }) {
  const json = JSON.stringify(event, null, 2);
  const identityId = textOf(event.event.metadata, 'identityId');
  const tokenId = textOf(event.event.metadata, 'tokenId');
  const actorId = textOf(event.actor.metadata, 'identityId');
  const filters: (readonly [string, Partial<ListSearch>] | false)[] = [
    ['this event', { event: event.event.type }],
    actorId !== undefined && ['this actor', { actor: actorId }],
    identityId !== undefined && ['this identity', { identity: identityId }],
    tokenId !== undefined && ['this token', { token: tokenId }],
  ];
  return (
    <div>
      <Actions>
        {event.reqId && (
          <Link to="/requests/$id" params={{ id: event.reqId }}>
            Explain request {event.reqId}
          </Link>
        )}
        {tokenId !== undefined && (
          <Link to="/tokens/$id" params={{ id: tokenId }}>
            The token
          </Link>
        )}
        {identityId !== undefined && (
          <Link to="/identities/$id" params={{ id: identityId }} search={{}}>
            The identity
          </Link>
        )}
        {onFilter &&
          filters.flatMap((filter) =>
            filter === false
              ? []
              : [
                  <Button key={filter[0]} onClick={() => onFilter(filter[1])}>
                    Only {filter[0]}
                  </Button>,
                ],
          )}
      </Actions>
      <div className="snippet">
        <pre tabIndex={0} aria-label="The event as JSON">
          {visible(json)}
        </pre>
        <Copy value={json} name="event" />
      </div>
      <p className="note">
        Event <Id value={event.id} name="event id" />
      </p>
    </div>
  );
}

function Actions({ children }: { children: ReactNode }) {
  return <div className="actions">{children}</div>;
}

/** Control and direction marks in what a program has sent are shown, and change nothing of the page. */
function visible(text: string): string {
  return text.replace(
    /[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (mark) => `\\u${mark.charCodeAt(0).toString(16)}`,
  );
}
