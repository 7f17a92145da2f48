import { DatabaseUnavailableError } from '../common/errors/common.errors';
import { UnreadableValueError } from '../common/errors/unreadable-value.error';
import { EVERYTHING } from './changed-subjects';

/** More simultaneous changes than this are not told apart. */
const MANY_CHANGES = 10_000;

/** The database's answer to a node that asks for changes. */
export interface Answer {
  readonly snapshot: string;
  readonly now: Date;
  /** The recorded time, in milliseconds since the epoch; -Infinity if there is none. */
  readonly reachedMs: number;
  readonly cluster: string;
  readonly life: string;
  /** Identifies the tables themselves: other tables with the same rows have another value. */
  readonly contents: string;
  /** Whether all triggers that record changes are in force. */
  readonly isWatched: boolean;
  /** The last mark that this node has written; null if there is none. */
  readonly mark: string | null;
  readonly subjects: string[];
}

export interface AnswerRow {
  readonly snapshot: string;
  readonly now_ms: string;
  readonly reached_ms: string | null;
  readonly cluster: string;
  readonly life: string | null;
  readonly contents: string | null;
  readonly is_watched: boolean;
  readonly mark: string | null;
  readonly subjects: unknown;
}

/** @throws DatabaseUnavailableError for an answer that is not understood: it confirms nothing. */
export function readAnswer(row: AnswerRow | undefined): Answer {
  if (!row || row.life === null) throw new DatabaseUnavailableError(new Error('a standby'));
  const { snapshot, cluster, life, contents, is_watched: isWatched, mark, subjects } = row;
  if (contents === null || !/^\d+:\d+:/.test(snapshot) || !Array.isArray(subjects)) throw unreadable();
  const now = new Date(timeOf(row.now_ms));
  const reachedMs = [null, '-Infinity'].includes(row.reached_ms) ? -Infinity : timeOf(row.reached_ms!);
  return { snapshot, now, reachedMs, cluster, life, contents, isWatched, mark, subjects: subjects as string[] };
}

/** No clock is wrong by more than ten thousand years. */
const LAST_MS = Date.UTC(9999, 11, 31);

function timeOf(text: string): number {
  const epochMs = Number(text);
  if (!(Math.abs(epochMs) <= LAST_MS)) throw unreadable();
  return epochMs;
}

function unreadable(): Error {
  return new DatabaseUnavailableError(new UnreadableValueError('what has changed'));
}

// One statement, hence one snapshot: the changes were read in the snapshot it answers. It asks for the changes that came after the last
// snapshot and for those that were open in it: so a transaction that stays open for hours makes no read look through everything since. A
// transaction id beyond the snapshot comes from another cluster, by way of a dump, and means nothing here.
export const READ_CHANGES = `
  SELECT pg_current_snapshot()::text AS snapshot, extract(epoch FROM clock_timestamp()) * 1000 AS now_ms,
         (SELECT trunc(extract(epoch FROM reached) * 1000) FROM latchkey.clock) AS reached_ms,
         (SELECT system_identifier FROM pg_control_system())::text AS cluster, latchkey.life() AS life,
         (SELECT mark FROM latchkey.nodes WHERE id = $2) AS mark, c.contents, c.is_watched,
         (SELECT CASE WHEN count(*) > ${MANY_CHANGES} THEN json_build_array('${EVERYTHING}')
                      ELSE coalesce(json_agg(DISTINCT subject_id), '[]') END
            FROM (SELECT subject_id FROM latchkey.verdict_changes
                   WHERE (xid >= pg_snapshot_xmax($1::pg_snapshot) OR xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot))))
                     AND xid < pg_snapshot_xmax(pg_current_snapshot())
                   LIMIT ${MANY_CHANGES + 1}) AS unseen) AS subjects
    FROM latchkey.contents() AS c`;
