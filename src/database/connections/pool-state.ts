import type { Pool } from 'pg';
import type { QueueState } from './fair-queue';

/** A pool of connections and its queue in numbers, for metrics. */
export interface PoolState extends QueueState {
  readonly pool: string;
  readonly used: number;
  readonly idle: number;
}

export function poolState(pool: string, { totalCount, idleCount }: Pool, queue: QueueState): PoolState {
  return { pool, used: totalCount - idleCount, idle: idleCount, ...queue };
}
