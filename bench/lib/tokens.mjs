// Tokens by the million: the rows are made by SQL, the JWTs by whoever sends them. Number n has the id md5(n), on both sides.
import { createHash, createHmac } from 'node:crypto';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function tokenId(n) {
  const hex = createHash('md5').update(String(n)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Makes JWTs like a sample that the server itself has signed. */
export function tokenSeries(sample, secret) {
  const [header, payload] = sample.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  const sign = (body, key) => `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
  const body = (n) => {
    const id = tokenId(n);
    return `${header}.${base64url({ ...claims, jti: id, identityAccessTokenId: id })}`;
  };
  return {
    genuine: (n) => sign(body(n), secret),
    /** Well made, and signed with a key that is not the server's. */
    forged: (n) => sign(body(n), 'not the key of the server'),
    /** No JWT at all. */
    junk: (n) => createHash('sha512').update(String(n)).digest('base64url'),
  };
}

/** Rows number `from` to `to`, in the manner of one that is there. No trigger runs: millions of changes would be noted. */
export async function insertTokens(client, { sampleId, from, to }) {
  await client.query('SET session_replication_role = replica');
  await client.query(
    `INSERT INTO latchkey.identity_access_tokens
       (id, identity_id, organization_id, auth_method_id, auth_method, name, access_token_ttl, access_token_max_ttl,
        access_token_period, num_uses_limit, expires_at, created_at, updated_at)
     SELECT md5(n::text)::uuid, t.identity_id, t.organization_id, t.auth_method_id, t.auth_method, 'token ' || n,
            t.access_token_ttl, t.access_token_max_ttl, t.access_token_period, 0, t.expires_at,
            t.created_at - n * interval '1 millisecond', t.updated_at
       FROM latchkey.identity_access_tokens t, generate_series($2::bigint, $3::bigint) AS n WHERE t.id = $1`,
    [sampleId, from, to],
  );
  await client.query('RESET session_replication_role');
}
