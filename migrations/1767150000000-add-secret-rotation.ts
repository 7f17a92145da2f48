import type { MigrationInterface, QueryRunner } from 'typeorm';
import { inShortTransaction } from '../src/database/build-index';

/** A client secret may be replaced by another one, and both be usable for a time. */
export class AddSecretRotation1767150000000 implements MigrationInterface {
  name = 'AddSecretRotation1767150000000';

  /** A short transaction: the lock is held for a moment, and given up when it cannot be had. */
  transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [`ALTER TABLE latchkey.client_secrets ${COLUMNS.map(add).join(', ')}`]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await inShortTransaction(runner, [`ALTER TABLE latchkey.client_secrets ${COLUMNS.map(drop).join(', ')}`]);
  }
}

// As tokens have them. Tokens that were obtained with a secret outlive its end: no node has to hear of these columns.
const COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ['ends_at', 'timestamptz(3)'],
  ['rotated_to', 'uuid'],
  ['rotation_key', 'bytea'],
  ['ends_secret_id', 'uuid'],
];

const add = ([name, type]: readonly [string, string]) => `ADD COLUMN IF NOT EXISTS ${name} ${type}`;
const drop = ([name]: readonly [string, string]) => `DROP COLUMN IF EXISTS ${name}`;
