import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as yaml from 'js-yaml';
import { Registry } from 'prom-client';
import { registerLatchkeyMetrics } from '../src/metrics';
import { METRICS } from '../src/metrics/definitions';
import { done } from './support/given';
import { startLatchkey, type TestLatchkey } from './support/latchkey';
import { ServerProcess } from './support/server-process';

const DOCS = path.join(__dirname, '../docs');
const DEPLOY = path.join(DOCS, 'deploy');
const read = (...file: string[]) => fs.readFileSync(path.join(...file), 'utf8');
const DETAILS = '/api/v1/identities/details';
const LOGIN = '/api/v1/auth/universal-auth/login';

/** A number in the text of a registry; 0 where there is none yet. */
function valueIn(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

describe('the metrics of an application', () => {
  let latchkey: TestLatchkey;
  let registry: Registry;
  beforeAll(async () => {
    latchkey = await startLatchkey({ maintenance: true });
    registry = new Registry();
    registerLatchkeyMetrics(latchkey.app, registry);
  });
  afterAll(() => latchkey.stop());

  /** What an act adds to each series. */
  const addedBy = async (act: () => Promise<unknown>) => {
    const before = await registry.metrics();
    await act();
    const after = await registry.metrics();
    return (series: string) => valueIn(after, series) - valueIn(before, series);
  };

  // Seen red: the outcome of a verification that asks the database not counted, and the failed login not counted.
  it('count verifications, look-ups and logins by outcome, and name no caller', async () => {
    const client = await latchkey.given.client();
    const { accessToken, tokenId } = await latchkey.given.token();
    const added = await addedBy(async () => {
      for (let uses = 0; uses < 3; uses += 1) await latchkey.as(accessToken).get(DETAILS);
      await latchkey.anonymous.get(DETAILS);
      await latchkey.as(`${accessToken}x`).get(DETAILS);
      done(await latchkey.anonymous.post(LOGIN, client));
      await latchkey.anonymous.post(LOGIN, { ...client, clientSecret: 'wrong' });
    });
    expect({
      accepted: added('latchkey_verifications_total{outcome="accepted"}'),
      lookUps: added('latchkey_token_lookups_total'),
      missing: added('latchkey_verifications_total{outcome="access_token_missing"}'),
      forged: added('latchkey_verifications_total{outcome="access_token_signature"}'),
      fromDatabase: added('latchkey_verification_seconds_count{source="database"}'),
      loggedIn: added('latchkey_logins_total{method="universal-auth",outcome="succeeded"}'),
      guessed: added('latchkey_logins_total{method="universal-auth",outcome="credentials_invalid"}'),
    }).toEqual({ accepted: 3, lookUps: 1, missing: 1, forged: 1, fromDatabase: 1, loggedIn: 1, guessed: 1 });
    const text = await registry.metrics();
    for (const secret of [accessToken, tokenId, client.clientId, client.identityId, '127.0.0.1'])
      expect(text).not.toContain(secret);
  });

  it('say that the node is ready, fresh and connected, without a query', async () => {
    const text = await registry.metrics();
    expect(valueIn(text, 'latchkey_ready')).toBe(1);
    expect(valueIn(text, 'latchkey_revocation_bound_seconds')).toBe(1);
    expect(valueIn(text, 'latchkey_change_feed_age_seconds')).toBeLessThan(60);
    expect(valueIn(text, 'latchkey_audit_sealing_lag_seconds')).toBeLessThan(60);
    expect(valueIn(text, 'latchkey_applied_revision')).toBeGreaterThan(0);
    expect(valueIn(text, 'latchkey_pool_waits_total{pool="verification"}')).toBeGreaterThan(0);
    expect(valueIn(text, 'latchkey_pool_waits_total{pool="requests"}')).toBeGreaterThan(0);
  });
});

describe('the metrics of the server', () => {
  const env = {
    DATABASE_URL: process.env.LATCHKEY_TEST_DATABASE!,
    LATCHKEY_AUTH_SECRET: 'Zk3q8vN1xR5tY7uB2mC4wE6hJ9pL0sD-aFgQiOzX',
  };

  it('are on a loopback port of their own if asked for, never on that of the API, and count its answers', async () => {
    const [silent, server] = [
      new ServerProcess(env),
      new ServerProcess({ ...env, LATCHKEY_METRICS_PORT: '0' }),
    ] as const;
    const api = await server.url();
    const metrics = /Metrics +(http:\/\/127\.0\.0\.1:\d+\/metrics)/.exec(server.output)?.[1] ?? '';
    expect((await fetch(`${api}/metrics`)).status).toBe(404);
    expect((await fetch(`${api}/api/status`)).status).toBe(200);
    const answer = await fetch(metrics);
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
    expect(valueIn(text, 'latchkey_http_requests_total{status="404"}')).toBe(1);
    expect(valueIn(text, 'latchkey_http_requests_total{status="200"}')).toBe(1);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect((await fetch(metrics, { method: 'POST' })).status).toBe(405);
    expect((await fetch(metrics.replace('/metrics', '/api/status'))).status).toBe(404);
    expect(await silent.banner()).not.toContain('Metrics');
    expect((await server.signal('SIGTERM')).code).toBe(0);
    await silent.signal('SIGTERM');
  });
});

/** Names of series, as an expression or a page has them. */
const namesIn = (text: string) => [...new Set([...text.matchAll(/\blatchkey_[a-z_]+/g)].map(([name]) => name))];
const OF_HISTOGRAMS = ['latchkey_verification_seconds', 'latchkey_http_request_seconds'];
const EXISTING = [...METRICS.map(({ name }) => name), ...OF_HISTOGRAMS, 'latchkey_http_requests_total'];
const isThere = (name: string) =>
  EXISTING.includes(name.replace(/_(bucket|sum|count)$/, '')) || EXISTING.includes(name);

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string; readonly labels: { severity: string } }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly w: number };
    readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
  }[];
}

describe('the files for Prometheus and Grafana', () => {
  const rules = (yaml.load(read(DEPLOY, 'prometheus/alerts.yml')) as Rules).groups.flatMap((group) => group.rules);
  const { panels } = JSON.parse(read(DEPLOY, 'grafana/latchkey.json')) as Dashboard;
  const expressions = [...rules, ...panels.flatMap(({ targets = [] }) => targets)].map(({ expr }) => expr);

  it('name metrics that exist, every one of them, and the page lists each', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(expressions.length).toBeGreaterThan(40);
    expect(expressions.flatMap(namesIn).filter((name) => !isThere(name))).toEqual([]);
    const listed = [...read(DOCS, 'monitoring.md').matchAll(/^\| `(latchkey_\w+)`/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...EXISTING].sort());
    const shown = new Set(panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => namesIn(expr)));
    expect(EXISTING.filter((name) => ![...shown].some((one) => one.startsWith(name)))).toEqual([]);
  });

  it('are well-formed: names and panels once, expressions that promtool reads where it is installed', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.filter(({ labels }) => !['critical', 'warning'].includes(labels.severity))).toEqual([]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
    for (const expr of expressions) {
      const count = (character: string) => expr.split(character).length;
      expect([expr, count('('), count('{'), count('[')]).toEqual([expr, count(')'), count('}'), count(']')]);
    }
    if (spawnSync('promtool', ['--version']).status !== 0) return;
    const folder = path.join(DEPLOY, 'prometheus');
    execFileSync('promtool', ['check', 'config', 'prometheus.yml'], { cwd: folder, stdio: 'pipe' });
  });
});
