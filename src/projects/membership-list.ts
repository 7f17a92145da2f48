import { longAnswer, PART_SIZE } from '../common/http/long-answer';
import type { MemberPage } from './project-members.service';

interface Query {
  readonly limit: number;
  readonly offset?: number;
  readonly cursor?: string;
}

/** The answer of a list of members, which is sent part by part. */
export async function memberListOf(query: Query, read: (part: Query) => Promise<MemberPage>): Promise<object> {
  const { limit: most } = query;
  const first = await read({ ...query, limit: Math.min(most, PART_SIZE) });
  const readNext = (cursor: string, limit: number) => read({ cursor, limit });
  return longAnswer({ key: 'identityMemberships', first, rest: first.total, most, readNext });
}
