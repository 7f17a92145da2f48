import { Injectable } from '@nestjs/common';
import type { VerifiedAccessToken } from '../access-tokens/verification/verified-access-token';
import { Clock } from '../common/clock/clock';
import { ListReads } from '../database/list-reads';
import { inSchemaOf } from '../database/schema';
import type { CappedCountDto, ExpiryDayDto, LockoutDto, OverviewDto } from './dto/overview.dtos';
import { END } from './managed-token.query';

const MOST_COUNTED = 1_000;
const DAY_MS = 86_400_000;

interface Row {
  readonly identities: number;
  readonly live: number;
  readonly day: number;
  readonly week: number;
  readonly month: number;
}

/** Counts and lists that show whether an organization needs attention. Every number is counted to a cap, so that it costs the same at any size. */
@Injectable()
export class OverviewService {
  constructor(
    private readonly reads: ListReads,
    private readonly clock: Clock,
  ) {}

  /** @throws ReadTooCostlyError, OverloadedError */
  of(caller: VerifiedAccessToken): Promise<OverviewDto> {
    const { id } = caller.organization;
    const now = this.clock.now();
    return this.reads.read(id, async (tx) => {
      const sql = (text: string) => inSchemaOf(tx, text);
      const ends = [1, 7, 30].map((days) => new Date(now.getTime() + days * DAY_MS));
      const [counts] = await tx.query<[Row]>(sql(COUNTS), [id, now, ...ends]);
      const expiries = await tx.query<ExpiryDayDto[]>(sql(EXPIRIES), [id, now, ends.at(-1)]);
      const lockouts = await tx.query<LockoutDto[]>(sql(LOCKOUTS), [id, now]);
      const expiring = { day: capped(counts.day), week: capped(counts.week), month: capped(counts.month) };
      return { identities: capped(counts.identities), liveTokens: capped(counts.live), expiring, expiries, lockouts };
    });
  }
}

function capped(counted: number): CappedCountDto {
  return counted > MOST_COUNTED ? { count: MOST_COUNTED, isCapped: true } : { count: counted, isCapped: false };
}

/** Tokens whose auth method was removed are not counted, but looked at. */
function counting(until: string): string {
  return `(SELECT count(*)::integer
             FROM (SELECT t.auth_method_id FROM latchkey.identity_access_tokens t
                    WHERE t.organization_id = $1 AND t.revoked_at IS NULL AND ${END} > $2 ${until}
                    LIMIT ${MOST_COUNTED + 1}) AS t
            WHERE ${HAS_METHOD})`;
}

const HAS_METHOD = 'EXISTS (SELECT FROM latchkey.identity_auth_methods a WHERE a.id = t.auth_method_id)';

const COUNTS = `
  SELECT (SELECT count(*)::integer
            FROM (SELECT 1 FROM latchkey.organization_memberships WHERE organization_id = $1
                   LIMIT ${MOST_COUNTED + 1}) AS members) AS identities,
         ${counting('')} AS live,
         ${counting(`AND ${END} <= $3`)} AS day,
         ${counting(`AND ${END} <= $4`)} AS week,
         ${counting(`AND ${END} <= $5`)} AS month`;

const EXPIRIES = `
  SELECT to_char(t.ends AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*)::integer AS tokens
    FROM (SELECT ${END} AS ends, t.auth_method_id FROM latchkey.identity_access_tokens t
           WHERE t.organization_id = $1 AND t.revoked_at IS NULL AND ${END} > $2 AND ${END} <= $3
           ORDER BY ${END}, t.id LIMIT 5000) AS t
   WHERE ${HAS_METHOD}
   GROUP BY 1 ORDER BY 1`;

const LOCKOUTS = `
  SELECT i.id AS "identityId", i.name AS "identityName", a.method AS "authMethod", l.failures, l.expires_at AS until
    FROM latchkey.auth_lockouts l
    JOIN latchkey.identity_auth_methods a ON a.id = l.auth_method_id
    JOIN latchkey.identities i ON i.id = a.identity_id AND i.organization_id = $1
   WHERE l.is_locked AND l.expires_at > $2 AND coalesce((a.config ->> 'lockoutEnabled')::boolean, true)
   ORDER BY l.expires_at LIMIT 20`;
