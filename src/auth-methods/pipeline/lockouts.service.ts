import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { UnreadableValueError } from '../../common/errors/unreadable-value.error';
import { LATCHKEY_DATA_SOURCE } from '../../database/connections/data-source-name';
import { isCount } from '../../database/counts';
import { inSchemaOf, SEES_ALL_ROWS } from '../../database/schema';
import { LockedOutError } from '../auth-methods.errors';

/** The settings of lockouts. */
export interface LockoutPolicy {
  /** The number of wrong guesses that lock a name. */
  readonly lockoutThreshold: number;
  readonly lockoutDurationSeconds: number;
  /** Seconds after the last wrong guess until the count is reset, unless the name is locked. */
  readonly lockoutCounterResetSeconds: number;
}

/** The largest `integer` of PostgreSQL. */
const MOST = 2_147_483_647;

/** Whether a policy, which a change by hand may have damaged, ends guessing at all: a lock of no seconds would not. */
export function isLockoutPolicy(policy: { readonly [Limit in keyof LockoutPolicy]: unknown }): boolean {
  const { lockoutThreshold, lockoutDurationSeconds, lockoutCounterResetSeconds } = policy;
  const limits = [lockoutThreshold, lockoutDurationSeconds, lockoutCounterResetSeconds];
  return limits.every((limit) => isCount(limit) && limit >= 1 && limit <= MOST);
}

/** The target against which guesses are counted. */
export interface LockoutSubject {
  readonly id: string;
  /** Null for a stand-in of a configuration that does not exist. */
  readonly authMethodId: string | null;
  readonly policy: LockoutPolicy;
}

/**
 * Counts wrong guesses (contract 3.8). A caller learns whether a guess was right only after one statement has compared it with
 * those before: it counts a wrong guess, or finds that a right one is not too late. So of any number of simultaneous guesses,
 * on any number of nodes, at most the threshold reveal anything. A right guess reserves nothing: a hundred correct logins at
 * once would otherwise lock each other out. Where the comparison itself must be limited, as with passwords, an attempt is
 * counted as a wrong guess beforehand, and cancelled unless it was one.
 *
 * Each statement is its own transaction: the refusal of a login rolls back, and must not take the count with it.
 */
@Injectable()
export class LockoutsService {
  constructor(@InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource) {}

  /** Counts a wrong guess; true if this guess has locked the name. @throws LockedOutError if the name was locked already. */
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

  /** Whether there are wrong guesses to clear after a right one. @throws LockedOutError if the name is locked. */
  async requireUnlocked({ id }: LockoutSubject, now: Date): Promise<boolean> {
    const [entry] = await this.query<Entry | NoEntry>(LOOK, [id, now]);
    if (entry === undefined || entry.failures === null) return false;
    if (entry.is_locked) throw new LockedOutError();
    requireReadable(entry);
    return true;
  }

  /**
   * Clears the wrong guesses before a right one, in the transaction that issues the token. A guess that was counted beforehand
   * may have locked the name itself. @throws LockedOutError
   */
  async clearGuesses(tx: EntityManager, { id }: LockoutSubject, now: Date, isReserved: boolean): Promise<void> {
    const parameters = [id, now, isReserved];
    const [entry] = await tx.query<{ is_locked: boolean }[]>(inSchemaOf(tx, CLEAR_GUESSES), parameters);
    if (entry?.is_locked) throw new LockedOutError();
  }

  /** Cancels a guess that was counted beforehand and was not wrong. */
  async cancelGuess({ id, policy }: LockoutSubject, now: Date): Promise<void> {
    await this.query(CANCEL_GUESS, [id, now, policy.lockoutCounterResetSeconds]);
  }

  /** Clears everything about a configuration. @returns the number of entries that were still in force */
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

/** A count below 0 would allow as many more guesses. @throws UnreadableValueError */
function requireReadable({ failures }: Entry): void {
  if (!isCount(failures)) throw new UnreadableValueError('how many guesses were wrong');
}

// A count below 0 is left as it is, and refused when it is read. No row is returned when the name is locked. Each count also
// sweeps: it removes two entries that expired long ago for one that may be new, so that guesses at clients that do not exist
// fill no table. "Long ago" is an hour, because the clocks of nodes may differ.
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

// One row also if there is no entry: where a policy hides the table, PostgreSQL would otherwise not evaluate the condition.
const LOOK = `
  SELECT is_locked AND expires_at > $2 AS is_locked, failures
    FROM (VALUES ($1::uuid)) AS asked (id) LEFT JOIN latchkey.auth_lockouts ON subject_id = asked.id
   WHERE ${SEES_ALL_ROWS}`;

const CLEAR_GUESSES = `
  WITH entry AS (
    SELECT subject_id, is_locked AND expires_at > $2 AND NOT $3::boolean AS is_locked
      FROM latchkey.auth_lockouts WHERE subject_id = $1 FOR UPDATE
  ), cleared AS (
    DELETE FROM latchkey.auth_lockouts USING entry
     WHERE auth_lockouts.subject_id = entry.subject_id AND NOT entry.is_locked
  )
  SELECT is_locked FROM entry`;

const CANCEL_GUESS = `
  UPDATE latchkey.auth_lockouts
     SET failures = greatest(failures, 1) - 1, is_locked = false,
         expires_at = CASE WHEN is_locked THEN $2::timestamptz + $3::int * interval '1 second' ELSE expires_at END
   WHERE subject_id = $1`;

const CLEAR = `
  DELETE FROM latchkey.auth_lockouts WHERE auth_method_id = $1 RETURNING expires_at > $2 AS is_live`;
