import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { isCount } from '../../database/counts';
import { inSchemaOf, SEES_ALL_ROWS } from '../../database/schema';
import { LockedOutError } from '../auth-methods.errors';

/** When guessing comes to an end. */
export interface LockoutPolicy {
  /** So many wrong guesses lock. */
  readonly lockoutThreshold: number;
  readonly lockoutDurationSeconds: number;
  /** So long after the last wrong guess they are forgotten, unless they have locked. */
  readonly lockoutCounterResetSeconds: number;
}

/** The largest `integer` of PostgreSQL. */
const MOST = 2_147_483_647;

/** Whether a policy that a hand may have left in a row ends guessing at all: a lock of no seconds would not. */
export function isLockoutPolicy(policy: { readonly [Limit in keyof LockoutPolicy]: unknown }): boolean {
  const { lockoutThreshold, lockoutDurationSeconds, lockoutCounterResetSeconds } = policy;
  const limits = [lockoutThreshold, lockoutDurationSeconds, lockoutCounterResetSeconds];
  return limits.every((limit) => isCount(limit) && limit >= 1 && limit <= MOST);
}

/** What a guess is counted against. */
export interface LockoutSubject {
  readonly id: string;
  /** Null when it stands in for a configuration that does not exist. */
  readonly authMethodId: string | null;
  readonly policy: LockoutPolicy;
}

/**
 * Counts wrong guesses (contract 3.8). Whether a guess was right is answered only after one statement has settled it against
 * those before: a wrong one is counted, a right one finds out that it is not too late. So of any number of guesses at the same
 * moment, on any number of nodes, no more than the threshold learn anything. A right guess reserves nothing, or else a
 * hundred honest logins at once would lock each other out. Where the comparison itself is what must not be had too often, as with
 * passwords, an attempt is counted as a wrong guess beforehand, and taken back unless it was one.
 *
 * Each statement is a transaction of its own: what refuses the login, and rolls back, must not take the count with it.
 */
@Injectable()
export class LockoutsService {
  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource) {}

  /** Counts a wrong guess; true when it was the one that locks. @throws LockedOutError when it was locked already. */
  async countWrong({ id, authMethodId, policy }: LockoutSubject, now: Date): Promise<boolean> {
    if (!isLockoutPolicy(policy)) throw new UnreadableValueError('when guessing ends');
    const { lockoutThreshold, lockoutDurationSeconds, lockoutCounterResetSeconds } = policy;
    const [counted] = await this.query<Entry>(COUNT, [
      id,
      authMethodId,
      now,
      lockoutThreshold,
      lockoutDurationSeconds,
      lockoutCounterResetSeconds,
    ]);
    if (counted === undefined) throw new LockedOutError();
    requireReadable(counted);
    return counted.is_locked;
  }

  /** Whether wrong guesses are remembered, for a right one to forget. @throws LockedOutError when they have locked. */
  async requireUnlocked({ id }: LockoutSubject, now: Date): Promise<boolean> {
    const [entry] = await this.query<Entry | NoEntry>(LOOK, [id, now]);
    if (entry === undefined || entry.failures === null) return false;
    if (entry.is_locked) throw new LockedOutError();
    requireReadable(entry);
    return true;
  }

  /**
   * Forgets the wrong guesses before a right one, with the token that comes of it. One that was counted beforehand may have
   * locked by itself. @throws LockedOutError
   */
  async forget(tx: EntityManager, { id }: LockoutSubject, now: Date, isReserved: boolean): Promise<void> {
    const parameters = [id, now, isReserved];
    const [entry] = await tx.query<{ is_locked: boolean }[]>(inSchemaOf(tx, FORGET), parameters);
    if (entry?.is_locked) throw new LockedOutError();
  }

  /** Takes back what was counted beforehand and has turned out to be no wrong guess. */
  async giveBack({ id, policy }: LockoutSubject, now: Date): Promise<void> {
    await this.query(GIVE_BACK, [id, now, policy.lockoutCounterResetSeconds]);
  }

  /** Forgets everything about a configuration: how many entries that were still in force. */
  async clear(tx: EntityManager, authMethodId: string, now: Date): Promise<number> {
    const [entries] = await tx.query<[{ is_live: boolean }[], number]>(inSchemaOf(tx, CLEAR), [authMethodId, now]);
    return entries.filter((entry) => entry.is_live).length;
  }

  private query<Row>(sql: string, parameters: unknown[]): Promise<Row[]> {
    return this.dataSource.query<Row[]>(inSchemaOf(this.dataSource, sql), parameters);
  }
}

interface Entry {
  readonly is_locked: boolean;
  readonly failures: number;
}

type NoEntry = { readonly [Column in keyof Entry]: null };

/** A count below 0 would allow so many guesses more. @throws UnreadableValueError */
function requireReadable({ failures }: Entry): void {
  if (!isCount(failures)) throw new UnreadableValueError('how many guesses were wrong');
}

// A count below 0 is left as it is, and refused by whoever reads it. No row comes back when it is locked. Whoever counts also sweeps: two that have long expired for one that may be new, so that
// guessing at clients that do not exist fills no table. An hour, because the clocks of nodes may differ.
const COUNT = `
  WITH swept AS (
    DELETE FROM latchkey.auth_lockouts WHERE subject_id IN (
      SELECT subject_id FROM latchkey.auth_lockouts
       WHERE expires_at < $3::timestamptz - interval '1 hour' AND subject_id <> $1
       ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED)
  )
  INSERT INTO latchkey.auth_lockouts AS entry (subject_id, auth_method_id, failures, is_locked, expires_at)
  VALUES ($1, $2, 1, $4::int <= 1,
          $3::timestamptz + CASE WHEN $4::int <= 1 THEN $5::int ELSE $6::int END * interval '1 second')
  ON CONFLICT (subject_id) DO UPDATE SET (failures, is_locked, expires_at) = (
    SELECT n, n >= $4::int, $3::timestamptz + CASE WHEN n >= $4::int THEN $5::int ELSE $6::int END * interval '1 second'
      FROM (SELECT CASE WHEN entry.failures < 0 THEN entry.failures WHEN entry.expires_at > $3
                        THEN least(entry.failures, 2147483646) + 1 ELSE 1 END AS n) AS next)
  WHERE NOT (entry.is_locked AND entry.expires_at > $3)
  RETURNING entry.is_locked, entry.failures`;

// One row also where there is no entry: where a policy hides the table, PostgreSQL would else not come to the condition.
const LOOK = `
  SELECT is_locked AND expires_at > $2 AS is_locked, failures
    FROM (VALUES ($1::uuid)) AS asked (id) LEFT JOIN latchkey.auth_lockouts ON subject_id = asked.id
   WHERE ${SEES_ALL_ROWS}`;

const FORGET = `
  WITH entry AS (
    SELECT subject_id, is_locked AND expires_at > $2 AND NOT $3::boolean AS is_locked
      FROM latchkey.auth_lockouts WHERE subject_id = $1 FOR UPDATE
  ), forgotten AS (
    DELETE FROM latchkey.auth_lockouts USING entry
     WHERE auth_lockouts.subject_id = entry.subject_id AND NOT entry.is_locked
  )
  SELECT is_locked FROM entry`;

const GIVE_BACK = `
  UPDATE latchkey.auth_lockouts
     SET failures = greatest(failures, 1) - 1, is_locked = false,
         expires_at = CASE WHEN is_locked THEN $2::timestamptz + $3::int * interval '1 second' ELSE expires_at END
   WHERE subject_id = $1`;

const CLEAR = `
  DELETE FROM latchkey.auth_lockouts WHERE auth_method_id = $1 RETURNING expires_at > $2 AS is_live`;
