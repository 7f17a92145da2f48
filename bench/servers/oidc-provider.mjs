// oidc-provider with its state in PostgreSQL. What is asked is its introspection endpoint, as a resource server would.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';
import pg from 'pg';
import { sayReady } from '../lib/processes.mjs';

const CLIENT = { client_id: 'bench', client_secret: 'bench-secret-bench-secret-bench-secret' };
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 14 });
await pool.query(
  'CREATE TABLE models (kind text, id text, payload jsonb NOT NULL, expires_at timestamptz, PRIMARY KEY (kind, id))',
);

/** As little as the provider asks of an adapter. */
class Adapter {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, payload, expiresIn) {
    await pool.query(
      `INSERT INTO models VALUES ($1, $2, $3, now() + make_interval(secs => $4))
       ON CONFLICT (kind, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
      [this.kind, id, payload, expiresIn],
    );
  }

  async find(id) {
    const text =
      'SELECT payload FROM models WHERE kind = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > now())';
    return (await pool.query(text, [this.kind, id])).rows[0]?.payload;
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider('http://127.0.0.1', {
  adapter: Adapter,
  clients: [
    {
      ...CLIENT,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  cookies: { keys: [process.env.SECRET] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
  },
  jwks: { keys: [privateKey.export({ format: 'jwk' })] },
  ttl: { ClientCredentials: () => 86_400 },
});
const client = await provider.Client.find(CLIENT.client_id);
const authorization = `Basic ${Buffer.from(`${CLIENT.client_id}:${CLIENT.client_secret}`).toString('base64')}`;
const requests = [];
for (let made = 0; made < Number(process.env.TOKENS); made += 1) {
  const token = await new provider.ClientCredentials({ client }).save();
  requests.push({
    method: 'POST',
    path: '/token/introspection',
    headers: { Authorization: authorization, 'Content-Type': 'application/x-www-form-urlencoded' },
    // The hint spares it two of three look-ups.
    body: `token=${token}&token_type_hint=client_credentials`,
  });
}
const server = provider.listen(0, '127.0.0.1', () =>
  sayReady({ url: `http://127.0.0.1:${server.address().port}`, requests }),
);
