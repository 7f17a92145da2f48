import { ValidationFailureError } from '../common/errors/common.errors';
import { isId } from '../common/ids';
import type { ListManagedTokensQueryDto } from './dto/managed-token.dtos';

/** How many tokens of an index a call looks at. A filter that few tokens match gets short pages, and never a slow one. */
export const LOOKED_AT = 1_000;

/** The end of a token, as its index has it: `infinity` for a token that never ends. */
export const END = "coalesce(least(t.expires_at, t.ends_at), timestamptz 'infinity')";

/** A statement and its parameters. */
interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A token that was looked at, and its place in the list. */
export interface Looked {
  readonly id: string;
  /** Milliseconds since the epoch, or `infinity`. */
  readonly place: string;
  readonly matches: boolean;
}

interface Asked {
  readonly organizationId: string;
  readonly query: ListManagedTokensQueryDto;
  readonly now: Date;
  readonly sees: { readonly instanceAdmins: boolean };
  readonly most: number;
}

type Value = (given: unknown) => string;

/**
 * The tokens in the order of an index, each with whether it matches the filters. The work is bounded by the number of tokens that are
 * looked at, however many there are.
 *
 * @throws ValidationFailureError for a cursor of another list.
 */
export function lookingAt(asked: Asked): Statement {
  const parameters: unknown[] = [];
  const value: Value = (given) => `$${parameters.push(given)}`;
  const looked = asked.query.identityId === undefined ? byEnd(asked, value) : byAge(asked, value);
  const sql = `
    SELECT t.id, ${looked.place} AS place, (${conditionsOf(asked, value).join(' AND ')}) AS matches
      FROM (${looked.from}) AS t
      LEFT JOIN latchkey.identities i ON i.id = t.identity_id
     ORDER BY ${looked.order}`;
  return { sql, parameters };
}

interface Order {
  readonly from: string;
  readonly place: string;
  readonly order: string;
}

/** The tokens of the organization, by their end. Revoked tokens are not in this index: the audit log tells of them. */
function byEnd({ organizationId, query, now, most }: Asked, value: Value): Order {
  const isExpired = query.status === 'expired';
  const at = value(now);
  const direction = isExpired ? 'DESC' : 'ASC';
  const bounds = [isExpired ? `${END} <= ${at}` : `${END} > ${at}`];
  // A range of the same index: nothing behind it is looked at.
  if (query.endsBefore !== undefined) bounds.push(`${END} < ${value(new Date(query.endsBefore))}`);
  if (query.cursor !== undefined) {
    const { place, id } = placeIn(query.cursor);
    const time = place === 'infinity' ? "timestamptz 'infinity'" : `to_timestamp(${value(Number(place) / 1_000)})`;
    bounds.push(`(${END}, t.id) ${isExpired ? '<' : '>'} (${time}, ${value(id)}::uuid)`);
  }
  return {
    from: `SELECT t.* FROM latchkey.identity_access_tokens t
            WHERE t.organization_id = ${value(organizationId)} AND t.revoked_at IS NULL AND ${bounds.join(' AND ')}
            ORDER BY ${END} ${direction}, t.id ${direction} LIMIT ${value(most)}`,
    place: `CASE WHEN ${END} = timestamptz 'infinity' THEN 'infinity' ELSE ${millis(END)} END`,
    order: `${END} ${direction}, t.id ${direction}`,
  };
}

/** The tokens of one identity, newest first: a part for each auth method, because their index is ordered by method first. */
function byAge({ organizationId, query, most }: Asked, value: Value): Order {
  if (!isId(query.identityId!)) throw new TypeError('identityId was not checked');
  const identity = value(query.identityId);
  const own = `t.identity_id = ${identity}`;
  const after = query.cursor === undefined ? '' : ` AND ${behind(query.cursor, value)}`;
  const limit = value(most);
  return {
    from: `WITH RECURSIVE methods (name) AS (
             (SELECT t.auth_method FROM latchkey.identity_access_tokens t WHERE ${own} ORDER BY t.auth_method LIMIT 1)
              UNION ALL
             SELECT (SELECT t.auth_method FROM latchkey.identity_access_tokens t WHERE ${own} AND t.auth_method > methods.name
                      ORDER BY t.auth_method LIMIT 1)
               FROM methods WHERE methods.name IS NOT NULL)
           SELECT part.* FROM methods CROSS JOIN LATERAL (
             SELECT t.* FROM latchkey.identity_access_tokens t
              WHERE ${own} AND t.auth_method = methods.name AND t.organization_id = ${value(organizationId)}${after}
              ORDER BY t.created_at DESC, t.id DESC LIMIT ${limit}) AS part
            ORDER BY part.created_at DESC, part.id DESC LIMIT ${limit}`,
    place: millis('t.created_at'),
    order: 't.created_at DESC, t.id DESC',
  };
}

function behind(cursor: string, value: Value): string {
  const { place, id } = placeIn(cursor);
  if (place === 'infinity') throw notACursor();
  return `(t.created_at, t.id) < (to_timestamp(${value(Number(place) / 1_000)}), ${value(id)}::uuid)`;
}

function millis(time: string): string {
  return `floor(extract(epoch FROM ${time}) * 1000)::bigint::text`;
}

/** Whether a token still has the method that issued it. */
const HAS_METHOD = 'EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id)';

function conditionsOf(asked: Asked, value: Value): string[] {
  const { query, sees } = asked;
  const { authMethod, search, unusedSince } = query;
  const conditions = ['i.id IS NOT NULL'];
  if (!sees.instanceAdmins) conditions.push('NOT i.is_instance_admin');
  if (authMethod !== undefined) conditions.push(`t.auth_method = ${value(authMethod)}`);
  if (search !== undefined) conditions.push(searching(search, value));
  if (unusedSince !== undefined) conditions.push(unused(value(new Date(unusedSince))));
  return [...conditions, ...(query.identityId === undefined ? [HAS_METHOD] : ofIdentity(asked, value))];
}

/** The conditions that the index of an organization has, and that of an identity has not. */
function ofIdentity({ query: { status, endsBefore }, now }: Asked, value: Value): string[] {
  const conditions: string[] = [];
  if (status === 'live' || status === 'expired') {
    const isSo = status === 'live' ? `${END} > ${value(now)}` : `${END} <= ${value(now)}`;
    conditions.push(`t.revoked_at IS NULL AND ${isSo}`, HAS_METHOD);
  }
  if (endsBefore !== undefined) conditions.push(`${END} < ${value(new Date(endsBefore))}`);
  return conditions;
}

function unused(since: string): string {
  return `t.created_at < ${since} AND coalesce(t.last_used_at < ${since}, true)`;
}

/** `starts_with`, because a `%` of the caller must mean itself. */
function searching(text: string, value: Value): string {
  if (isId(text)) return `t.id = ${value(text)}::uuid`;
  const begin = value(text);
  return `(coalesce(starts_with(lower(t.name), lower(${begin})), false) OR starts_with(t.id::text, lower(${begin})))`;
}

export function cursorOf({ place, id }: Looked): string {
  return Buffer.from(`${place}:${id}`).toString('base64url');
}

/** Reads a cursor as typed values, so that nothing in it can reach a statement as text. @throws ValidationFailureError */
function placeIn(cursor: string): { place: string; id: string } {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, place = '', id = ''] = /^(\d{1,15}|infinity):(.+)$/.exec(text) ?? [];
  if (place === '' || !isId(id)) throw notACursor();
  return { place, id };
}

function notACursor(): ValidationFailureError {
  return new ValidationFailureError([
    { code: 'invalid_string', path: ['cursor'], message: 'Not a cursor of this list' },
  ]);
}
