import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The recent wrong guesses at one name. The count survives restarts, and is reset when it expires. */
@Entity('auth_lockouts')
@Index('ix_auth_lockouts_auth_method', ['authMethodId'])
@Index('ix_auth_lockouts_expires_at', ['expiresAt'])
export class AuthLockout {
  /** The target of the guesses: a configuration, or a stand-in for one that does not exist. */
  @PrimaryColumn('uuid', { name: 'subject_id', primaryKeyConstraintName: 'pk_auth_lockouts' })
  subjectId!: string;

  /** Null for a stand-in. */
  @Column('uuid', { name: 'auth_method_id', nullable: true })
  authMethodId!: string | null;

  @Column('integer')
  failures!: number;

  /** Until it expires, every login of this name is refused, with any secret. */
  @Column('boolean', { name: 'is_locked' })
  isLocked!: boolean;

  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
