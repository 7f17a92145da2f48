import { CreateDateColumn, UpdateDateColumn } from 'typeorm';

/** When a row was made and last changed. Milliseconds, so that a JavaScript Date holds what the row holds. */
export abstract class TimestampedEntity {
  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', precision: 3 })
  createdAt!: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz', precision: 3 })
  updatedAt!: Date;
}
