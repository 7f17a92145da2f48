import type { ValueTransformer } from 'typeorm';

/** `bigint` columns as numbers: node-postgres returns them as text. Counts stay far below 2^53. */
export const bigintAsNumber: ValueTransformer = {
  to: (value: number) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};
