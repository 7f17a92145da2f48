import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, ask } from '../client';
import { now } from '../clock';
import { useMissing } from '../me';
import { BulkRevoke } from '../parts/bulk-revoke';
import { Button, Choice, Empty, Failure, Loading } from '../parts/basics';
import { Page } from '../parts/page';
import { Search } from '../parts/search';
import { Pager } from '../parts/table';
import { TokenTable } from '../parts/token-table';
import { METHOD_NAMES, type Token } from '../parts/token-status';
import type { ListSearch } from '../router';

const DAY_MS = 86_400_000;
const STATUSES = [
  ['live', 'Live, next end first'],
  ['expired', 'Expired, latest first'],
] as const;
const ENDS = [
  ['', 'Any time'],
  ['1', 'Within a day'],
  ['7', 'Within 7 days'],
  ['30', 'Within 30 days'],
  ['90', 'Within 90 days'],
] as const;
const UNUSED = [
  ['', 'At any time, or never'],
  ['30', 'Not for 30 days'],
  ['90', 'Not for 90 days'],
  ['180', 'Not for 180 days'],
] as const;

function queryOf(search: ListSearch, limit: number) {
  const { q, status, method, expires, unused, after } = search;
  const days = (text: string) => Math.min(3_650, Math.max(0, Number(text) || 0)) * DAY_MS;
  // To the minute, so that a page that is shown again is the same query.
  const minute = Math.floor(now() / 60_000) * 60_000;
  return {
    limit,
    ...(status === 'expired' ? { status: 'expired' as const } : {}),
    ...(q ? { search: q } : {}),
    ...(method ? { authMethod: method } : {}),
    ...(expires ? { endsBefore: endOf(expires, minute, days) } : {}),
    ...(unused ? { unusedSince: new Date(minute - days(unused)).toISOString() } : {}),
    ...(after ? { cursor: after } : {}),
  };
}

/** A number of days, or a day such as 2026-12-03 (UTC): up to its end. */
function endOf(expires: string, minute: number, days: (text: string) => number): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(expires) ? Date.parse(`${expires}T00:00:00Z`) : Number.NaN;
  return new Date(Number.isNaN(day) ? minute + days(expires) : day + DAY_MS).toISOString();
}

/** The tokens of the whole organization: what ends, what is not used, and their end. */
export function Tokens() {
  const search = useSearch({ from: '/shell/tokens' });
  const navigate = useNavigate({ from: '/tokens' });
  const queries = useQueryClient();
  const missing = useMissing();
  const [selected, setSelected] = useState<ReadonlyMap<string, Token>>(new Map());
  const [bulk, setBulk] = useState<Matches | null>(null);
  const [isCollecting, setCollecting] = useState(false);
  const [collectError, setCollectError] = useState<unknown>();
  const collecting = useRef<AbortController>(null);
  const { data, error, isPending, refetch, isPlaceholderData } = useQuery({
    queryKey: ['tokens', 'all', search],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/latchkey/v1/access-tokens', { params: { query: queryOf(search, 50) }, signal })),
    placeholderData: keepPreviousData,
  });
  const change = useCallback(
    (part: Partial<ListSearch>) => {
      setSelected(new Map());
      setCollectError(undefined);
      void navigate({ search: ({ after: _after, ...old }) => ({ ...old, ...part }), replace: true });
    },
    [navigate],
  );
  const onSearch = useCallback((q: string) => change({ q: q || undefined }), [change]);
  const rows = data?.accessTokens ?? [];
  // Neither after the page was left, nor for a filter that was changed meanwhile.
  useEffect(() => () => collecting.current?.abort(), [search]);
  const collect = async () => {
    const { signal } = (collecting.current = new AbortController());
    setCollecting(true);
    setCollectError(undefined);
    try {
      const matches = await everyMatch(search, signal);
      if (!signal.aborted) setBulk(matches);
    } catch (thrown) {
      if (!signal.aborted) setCollectError(thrown);
    } finally {
      setCollecting(false);
    }
  };
  const { q, method, expires, unused, status, after } = search;
  const isFiltered = [q, method, expires, unused].some((filter) => filter !== undefined);
  const isExpired = status === 'expired';
  return (
    <Page title="Tokens">
      <search className="filters">
        <Search label="Beginning of a name, or an id" value={q ?? ''} onSearch={onSearch} />
        <Choice
          label="Status"
          value={status ?? 'live'}
          options={STATUSES}
          onChoose={(chosen) => change({ status: chosen === 'live' ? undefined : chosen })}
        />
        <Choice
          label="Runs out"
          value={expires ?? ''}
          options={dayAdded(expires)}
          onChoose={(chosen) => change({ expires: chosen || undefined })}
        />
        <Choice
          label="Used"
          value={unused ?? ''}
          options={UNUSED}
          onChoose={(chosen) => change({ unused: chosen || undefined })}
        />
        <Choice
          label="Method"
          value={method ?? ''}
          options={[['', 'Any'], ...Object.entries(METHOD_NAMES)]}
          onChoose={(chosen) => change({ method: chosen || undefined })}
        />
      </search>
      {isPending && <Loading />}
      {error && <Failure error={error} again={() => void refetch()} />}
      {data && rows.length > 0 && (
        <div aria-busy={isPlaceholderData}>
          <TokenTable
            caption="Tokens of the organization"
            rows={rows}
            hasIdentity
            {...(isExpired
              ? {}
              : {
                  selection: {
                    ids: new Set(selected.keys()),
                    change: (ids) => {
                      const known = new Map([...selected, ...rows.map((row): [string, Token] => [row.id, row])]);
                      setSelected(new Map([...ids].map((id) => [id, known.get(id)!])));
                    },
                  },
                })}
          />
          {!isExpired && (
            <div className="actions">
              <Button
                look="danger"
                missing={missing('identity:edit')}
                aria-disabled={selected.size === 0}
                onClick={() => selected.size > 0 && setBulk({ tokens: [...selected.values()], isAll: true })}
              >
                Revoke {selected.size} selected…
              </Button>
              {isFiltered && (
                <Button
                  missing={missing('identity:edit')}
                  aria-disabled={isCollecting}
                  onClick={() => !isCollecting && void collect()}
                >
                  {isCollecting ? 'Looking…' : 'Revoke all that match…'}
                </Button>
              )}
            </div>
          )}
          {collectError !== undefined && <Failure error={collectError} />}
          <Pager after={after} next={data.nextCursor} total={`${rows.length} on this page`} />
        </div>
      )}
      {data && rows.length === 0 && (
        <Empty title={data.nextCursor ? 'No match among the tokens looked at so far.' : 'No token matches.'}>
          {data.nextCursor && <Pager after={after} next={data.nextCursor} total="There are more to look at." />}
          {isFiltered && (
            <Button onClick={() => change({ q: undefined, method: undefined, expires: undefined, unused: undefined })}>
              Clear filters
            </Button>
          )}
        </Empty>
      )}
      {bulk && (
        <BulkRevoke
          tokens={bulk.tokens}
          filter={inWords(search) + (bulk.isAll ? '' : ' · only the first that were found: there may be more')}
          onClose={() => {
            setBulk(null);
            setSelected(new Map());
            void queries.invalidateQueries({ queryKey: ['tokens'] });
          }}
        />
      )}
    </Page>
  );
}

function dayAdded(expires: string | undefined): readonly (readonly [string, string])[] {
  return expires !== undefined && expires.includes('-')
    ? [...ENDS, [expires, `Until the end of ${expires} (UTC)`]]
    : ENDS;
}

const MOST_COLLECTED = 2_000;

const MOST_PAGES = 50;

interface Matches {
  readonly tokens: readonly Token[];
  readonly isAll: boolean;
}

/** Every token that a filter finds, up to 2000, on up to 50 pages: a page may be empty and still have a next one. */
async function everyMatch(search: ListSearch, signal: AbortSignal): Promise<Matches> {
  const found: Token[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const { after: _after, ...filter } = search;
    const query = { ...queryOf(filter, 100), ...(cursor === null ? {} : { cursor }) };
    const page: { accessTokens: Token[]; nextCursor: string | null } = await ask(
      api.GET('/api/latchkey/v1/access-tokens', { params: { query }, signal }),
    );
    found.push(...page.accessTokens);
    cursor = page.nextCursor;
    pages += 1;
  } while (cursor !== null && found.length < MOST_COLLECTED && pages < MOST_PAGES);
  return { tokens: found, isAll: cursor === null };
}

function inWords({ q, method, expires, unused }: ListSearch): string {
  const parts = [
    'live',
    q ? `name or id begins with “${q}”` : '',
    method ? (METHOD_NAMES[method] ?? method) : '',
    expires ? (expires.includes('-') ? `runs out by ${expires}` : `runs out within ${expires} days`) : '',
    unused ? `unused for ${unused} days` : '',
  ];
  return parts.filter(Boolean).join(' · ');
}
