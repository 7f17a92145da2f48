import type { MetricSources } from './metric-sources';

/** One number of a metric, with the values of its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric that is read when it is asked for. Every label has few values, which the code fixes; none names a caller or a token. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (sources: MetricSources) => readonly Sample[];
}

const one = (value: number): Sample[] => [{ value }];
const flag = (value: boolean): Sample[] => one(value ? 1 : 0);
const seconds = (ms: number): Sample[] => one(ms / 1_000);

function labelled(label: string, counts: Iterable<readonly [string, number]>): Sample[] {
  return [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** Two labels in one name, with a space between them: a method and a reason. */
function pairs(labels: readonly [string, string], counts: Iterable<readonly [string, number]>): Sample[] {
  return [...counts].map(([name, value]) => {
    const [first = '', second = ''] = name.split(' ');
    return { labels: { [labels[0]]: first, [labels[1]]: second }, value };
  });
}

const VERIFICATION: readonly MetricDefinition[] = [
  {
    name: 'latchkey_verifications_total',
    type: 'counter',
    help: 'Verifications of access tokens by outcome: accepted, or the code of the refusal.',
    labels: ['outcome'],
    read: ({ cache }) => labelled('outcome', cache.meter.outcomes()),
  },
  {
    name: 'latchkey_token_lookups_total',
    type: 'counter',
    help: 'Verifications that memory could not answer. Those that ask for one token at the same time share a query.',
    read: ({ cache }) => one(cache.meter.lookUps),
  },
  {
    name: 'latchkey_token_lookup_queries_total',
    type: 'counter',
    help: 'Queries for the facts of a token.',
    read: ({ cache }) => one(cache.meter.queries),
  },
  {
    name: 'latchkey_token_cache_entries',
    type: 'gauge',
    help: 'Tokens in memory.',
    read: ({ cache }) => one(cache.size),
  },
  {
    name: 'latchkey_token_cache_capacity',
    type: 'gauge',
    help: 'The configured number of tokens in memory.',
    read: ({ settings }) => one(settings.cacheEntries),
  },
];

const FRESHNESS: readonly MetricDefinition[] = [
  {
    name: 'latchkey_ready',
    type: 'gauge',
    help: '1 if the node knows every change up to less than the bound ago, and is not shutting down.',
    read: ({ changeFeed, readiness }) => flag(changeFeed.freshness.isConfirmed() && readiness?.isDraining !== true),
  },
  {
    name: 'latchkey_change_feed_age_seconds',
    type: 'gauge',
    help: 'Time since the moment up to which the node knows every change.',
    read: ({ changeFeed }) => seconds(changeFeed.freshness.ageMs()),
  },
  {
    name: 'latchkey_revocation_bound_seconds',
    type: 'gauge',
    help: 'The configured bound: the longest time for which a node can still accept a revoked token.',
    read: ({ settings }) => seconds(settings.revocationBoundMs),
  },
  {
    name: 'latchkey_applied_revision',
    type: 'gauge',
    help: 'The revision up to which the node has applied every change.',
    read: ({ changeFeed }) => one(changeFeed.revision),
  },
  {
    name: 'latchkey_push_state',
    type: 'gauge',
    help: '1 for the state of the push: off, connecting, on or silent.',
    labels: ['state'],
    read: ({ push }) => PUSH_STATES.map((state) => ({ labels: { state }, value: state === push.state ? 1 : 0 })),
  },
  {
    name: 'latchkey_clock_skew_seconds',
    type: 'gauge',
    help: "Time by which the clock of this machine is ahead of the database's clock.",
    read: ({ clock }) => seconds(clock.skewMs()),
  },
];

const PUSH_STATES = ['off', 'connecting', 'on', 'silent'];

const CONNECTIONS: readonly MetricDefinition[] = [
  {
    name: 'latchkey_pool_connections',
    type: 'gauge',
    help: 'Open database connections by pool, whether used or idle.',
    labels: ['pool', 'state'],
    read: (sources) =>
      sources.pools().flatMap(({ pool, used, idle }) => [
        { labels: { pool, state: 'used' }, value: used },
        { labels: { pool, state: 'idle' }, value: idle },
      ]),
  },
  {
    name: 'latchkey_pool_waiting',
    type: 'gauge',
    help: 'Statements and transactions that wait for a connection, by pool.',
    labels: ['pool'],
    read: (sources) => sources.pools().map(({ pool, waiting }) => ({ labels: { pool }, value: waiting })),
  },
  {
    name: 'latchkey_pool_waits_total',
    type: 'counter',
    help: 'How often a connection was asked for, by pool.',
    labels: ['pool'],
    read: (sources) => sources.pools().map(({ pool, entered }) => ({ labels: { pool }, value: entered })),
  },
  {
    name: 'latchkey_pool_wait_seconds_total',
    type: 'counter',
    help: 'The sum of the times waited for a connection, by pool.',
    labels: ['pool'],
    read: (sources) => sources.pools().map(({ pool, waitedMs }) => ({ labels: { pool }, value: waitedMs / 1_000 })),
  },
  {
    name: 'latchkey_pool_refused_total',
    type: 'counter',
    help: 'How often the wait for a connection ended without one, by pool.',
    labels: ['pool'],
    read: (sources) => sources.pools().map(({ pool, refused }) => ({ labels: { pool }, value: refused })),
  },
];

const RECORDS: readonly MetricDefinition[] = [
  {
    name: 'latchkey_uses_backlog_tokens',
    type: 'gauge',
    help: 'Tokens whose uses are counted in memory and not written yet.',
    read: ({ uses }) => one(uses.backlog),
  },
  {
    name: 'latchkey_uses_lost_total',
    type: 'counter',
    help: 'Uses that were never written, because too many tokens had uses that waited.',
    read: ({ uses }) => one(uses.lost),
  },
  {
    name: 'latchkey_audit_sealing_lag_seconds',
    type: 'gauge',
    help: 'Time since this node last saw every audit event sealed. One node seals at a time: the least of all nodes counts.',
    read: ({ sealer }) => (sealer.lagMs === undefined ? [] : seconds(sealer.lagMs)),
  },
  {
    name: 'latchkey_audit_observations_waiting',
    type: 'gauge',
    help: 'Refusals, reads and failed logins that wait to be recorded.',
    read: ({ observations }) => one(observations.size),
  },
  {
    name: 'latchkey_audit_observations_lost_total',
    type: 'counter',
    help: 'Refusals, reads and failed logins that could not be recorded one by one. The audit log has their number.',
    read: ({ observations }) => one(observations.lostSoFar),
  },
];

const LOGINS: readonly MetricDefinition[] = [
  {
    name: 'latchkey_logins_total',
    type: 'counter',
    help: 'Logins by method and outcome: succeeded, or the code of the refusal.',
    labels: ['method', 'outcome'],
    read: ({ logins }) => pairs(['method', 'outcome'], logins?.counts.entries() ?? []),
  },
  {
    name: 'latchkey_lockouts_total',
    type: 'counter',
    help: 'Names that were locked after wrong guesses, by method.',
    labels: ['method'],
    read: ({ lockouts }) => labelled('method', lockouts?.locked.entries() ?? []),
  },
  {
    name: 'latchkey_outbound_requests_total',
    type: 'counter',
    help: 'Requests to issuers and cloud services by outcome: answered, or why no answer could be used.',
    labels: ['outcome'],
    read: (sources) => labelled('outcome', sources.outbound().counts),
  },
  {
    name: 'latchkey_outbound_seconds_total',
    type: 'counter',
    help: 'The sum of the times that such requests took.',
    read: (sources) => seconds(sources.outbound().totalMs),
  },
];

/** Everything that is read when it is asked for. */
export const METRICS: readonly MetricDefinition[] = [
  ...VERIFICATION,
  ...FRESHNESS,
  ...CONNECTIONS,
  ...RECORDS,
  ...LOGINS,
];

/** Latency is observed as it happens. The hot path takes part with one verification in 64. */
export const LATENCY = {
  name: 'latchkey_verification_seconds',
  help: 'The time that verifications took: of those that asked the database, all; of those from memory, one in 64.',
  labels: ['source'],
  buckets: [0.000_005, 0.000_01, 0.000_025, 0.000_1, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
} as const;
