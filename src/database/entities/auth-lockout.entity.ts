import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** How often somebody has guessed wrong of late. Outlives restarts; forgotten once it has expired. */
@Entity('auth_lockouts')
@Index('ix_auth_lockouts_auth_method', ['authMethodId'])
@Index('ix_auth_lockouts_expires_at', ['expiresAt'])
export class AuthLockout {
  /** What was guessed at: a configuration, or a stand-in for one that does not exist. */
  @PrimaryColumn('uuid', { name: 'subject_id', primaryKeyConstraintName: 'pk_auth_lockouts' })
  subjectId!: string;

  /** Null for a stand-in. */
  @Column('uuid', { name: 'auth_method_id', nullable: true })
  authMethodId!: string | null;

  @Column('integer')
  failures!: number;

  /** Until it expires, nobody gets in, with whatever. */
  @Column('boolean', { name: 'is_locked' })
  isLocked!: boolean;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
