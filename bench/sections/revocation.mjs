import { bearer, Connection, requestText } from '../lib/connection.mjs';
import { percentile, show, table } from '../lib/figures.mjs';
import { manyTokens } from '../lib/rows.mjs';
import { tokenSeries } from '../lib/tokens.mjs';

const NODES = 3;
const BEFORE_MS = 20;

/** How long a token lives on after its revocation was acknowledged, on the node that revoked it and on the others. */
export async function revocation(bench) {
  const many = await manyTokens(bench);
  const nodes = [bench.host, await bench.start('latchkey'), await bench.start('latchkey')];
  const { genuine } = tokenSeries(many.accessToken, bench.secret);
  const connections = nodes.map(({ url }) => new Connection(url));
  const revokers = nodes.map(({ url }) => new Connection(url));
  const here = [];
  const elsewhere = [];
  for (let made = 0; made < bench.options.revokes; made += 1) {
    const token = genuine(many.take());
    const revoker = made % NODES;
    const { ackAt, lives } = await revokeWhileUsed(connections, revokers[revoker], token);
    lives.forEach((life, node) => (node === revoker ? here : elsewhere).push({ ...life, ackAt }));
  }
  for (const connection of [...connections, ...revokers]) connection.close();
  for (const node of nodes.slice(1)) await bench.stop(node);
  const row = (name, lives) => {
    const denied = lives.map(({ deniedAt, ackAt }) => Math.max(0, deniedAt - ackAt));
    const allowed = lives.map(({ allowedAt, ackAt }) => Math.max(0, allowedAt - ackAt));
    const late = allowed.filter((ms) => ms > 0).length;
    return [
      name,
      lives.length,
      ...[50, 99, 100].map((p) => show(percentile(denied, p))),
      late,
      show(Math.max(...allowed)),
    ];
  };
  const text = [
    '## From a revocation to the first refusal',
    `${NODES} processes on one database, each asked about the token without a pause on a connection of its own; ` +
      `${bench.options.revokes} revocations, taking turns among the processes. Milliseconds after the revocation was acknowledged.`,
    table(
      [
        'seen',
        'cases',
        'first refusal: p50 ms',
        'p99 ms',
        'max ms',
        'let in once more',
        'the latest of these was sent after, ms',
      ],
      [row('on the process that revoked', here), row('on the two others', elsewhere)],
    ),
  ].join('\n\n');
  const after = [...here, ...elsewhere].map(({ deniedAt, ackAt }) => Math.max(0, deniedAt - ackAt));
  return {
    text,
    reached: [
      ['revocation to first refusal, p99 over all processes', '≤ 100 ms', `${show(percentile(after, 99))} ms`],
      ['the longest', '≤ 1,000 ms', `${show(Math.max(...after))} ms`],
    ],
  };
}

async function revokeWhileUsed(connections, revoker, token) {
  const text = requestText({ path: '/report', headers: bearer(token) });
  const lives = connections.map((connection) => useUntilDenied(connection, text));
  await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
  const answer = await revoker.request(
    requestText({ method: 'POST', path: '/api/v1/auth/token/revoke', body: { accessToken: token } }),
  );
  const ackAt = performance.now();
  if (answer.status !== 200) throw new Error(answer.body);
  return { ackAt, lives: await Promise.all(lives) };
}

async function useUntilDenied(connection, text) {
  let allowedAt = -Infinity;
  for (;;) {
    const sentAt = performance.now();
    const { status } = await connection.request(text);
    if (status === 401) return { allowedAt, deniedAt: performance.now() };
    // A process that could not ask has not let anybody in.
    if (status === 200) allowedAt = sentAt;
  }
}
