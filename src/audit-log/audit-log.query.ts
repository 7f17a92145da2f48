import { ValidationFailureError } from '../common/errors/common.errors';
import { decodeCursor } from '../common/http/page';
import { isId } from '../common/ids';
import type { AuditWindow } from './audit-window';
import type { ListAuditLogsQueryDto } from './dto/audit-log.dtos';
import { ROW } from './logged-event';

const MAX_TYPES = 20;

/** A statement and its parameters. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

interface Asked {
  readonly organizationId: string;
  readonly window: AuditWindow;
  readonly query: ListAuditLogsQueryDto;
  /** How many rows to read, after `query.offset`. */
  readonly limit: number;
}

/**
 * A page of the log, newest first. A filter that has an index is asked for by parts that PostgreSQL reads in order, each from
 * its own index: one for every event type, and one each for the identity or token that acted and that was acted on. The parts are
 * merged. So a page costs the same, however many events there are.
 *
 * @throws ValidationFailureError
 */
export function pageStatement({ organizationId, window, query, limit }: Asked): Statement {
  const parameters: unknown[] = [];
  const value = (given: unknown) => `$${parameters.push(given)}`;
  const { offset = 0 } = query;
  const every = [
    `organization_id = ${value(organizationId)}`,
    `created_at >= ${value(window.from)}`,
    `created_at < ${value(window.to)}`,
    ...cursorCondition(query, value),
    ...conditionsOf(query, value),
  ];
  const most = value(offset + limit);
  const parts = partsOf(query, value).map(
    (own) => `(SELECT ${ROW} FROM latchkey.audit_logs WHERE ${[...every, ...own].join(' AND ')}
                ORDER BY created_at DESC, id DESC LIMIT ${most})`,
  );
  const sql = `SELECT ${ROW} FROM (${parts.join(' UNION ALL ')}) AS parts
                ORDER BY created_at DESC, id DESC OFFSET ${value(offset)} LIMIT ${value(limit)}`;
  return { sql, parameters };
}

type Value = (given: unknown) => string;

function cursorCondition({ cursor }: ListAuditLogsQueryDto, value: Value): string[] {
  if (cursor === undefined) return [];
  const { createdAt, id } = decodeCursor(cursor);
  const at = value(createdAt);
  // The first says nothing new. But PostgreSQL begins to read at the end of the window, unless a bound of the time alone is nearer.
  return [`created_at <= ${at}`, `(created_at, id) < (${at}, ${value(id)})`];
}

/** The condition of each filter that needs no part of its own. */
const CONDITIONS: { readonly [Field in keyof ListAuditLogsQueryDto]?: (given: string, value: Value) => string } = {
  // Said again as the index says it, so that PostgreSQL sees that the index has all of them.
  outcome: (given, value) => `outcome = ${value(given)}${given === 'success' ? '' : ` AND outcome <> 'success'`}`,
  userAgentType: (given, value) => `user_agent_type = ${value(given)}`,
  actorType: (given, value) => `actor_type = ${value(given)}`,
  actor: (given, value) => (isId(given) ? `actor_identity_id = ${value(given)}` : 'false'),
  reqId: (given, value) => `request_id = ${value(given)}`,
  eventMetadata: (given, value) => `event_metadata @> ${value(JSON.stringify(metadataIn(given)))}::jsonb`,
  projectId: () => 'false',
};

function conditionsOf(query: ListAuditLogsQueryDto, value: Value): string[] {
  return Object.entries(CONDITIONS).flatMap(([field, condition]) => {
    const given = query[field as keyof ListAuditLogsQueryDto] as string | undefined;
    return given === undefined ? [] : [condition(given, value)];
  });
}

/** The conditions of each part: every event type with every place of the identity or token. */
function partsOf({ eventType, identityId, tokenId }: ListAuditLogsQueryDto, value: Value): string[][] {
  const types = eventType === undefined ? [[]] : typesIn(eventType).map((type) => [`event_type = ${value(type)}`]);
  const identities = placesOf(['actor_identity_id', 'identity_id'], identityId, value);
  const tokens = placesOf(['actor_token_id', 'token_id'], tokenId, value);
  return types.flatMap((type) =>
    identities.flatMap((identity) => tokens.map((token) => [...type, ...identity, ...token])),
  );
}

/** An event that has the id in both columns belongs to the first part alone. */
function placesOf([first, second]: [string, string], id: string | undefined, value: Value): string[][] {
  if (id === undefined) return [[]];
  if (!isId(id)) return [['false']];
  const known = value(id);
  return [[`${first} = ${known}`], [`${second} = ${known}`, `${first} IS DISTINCT FROM ${known}`]];
}

function typesIn(list: string): string[] {
  const types = [...new Set(list.split(',').map((type) => type.trim()))].filter((type) => type !== '');
  const areNames = types.every((type) => /^[a-z0-9.-]{1,100}$/.test(type));
  if (types.length >= 1 && types.length <= MAX_TYPES && areNames) return types;
  throw refusal('eventType', `Expected 1 to ${MAX_TYPES} event types such as create-identity, separated by commas`);
}

/** `name=deployer,role=member`. Values are compared as texts, which ids, names and most settings are. */
function metadataIn(list: string): Record<string, string> {
  const pairs = list.split(',').map((pair) => /^\s*([A-Za-z]\w{0,63})=(.*)$/s.exec(pair));
  if (pairs.length > 10 || pairs.includes(null))
    throw refusal('eventMetadata', 'Expected 1 to 10 conditions such as name=deployer, separated by commas');
  return Object.fromEntries(pairs.map((pair) => [pair![1], pair![2]])) as Record<string, string>;
}

function refusal(field: string, message: string): ValidationFailureError {
  return new ValidationFailureError([{ code: 'invalid_string', path: [field], message }]);
}
