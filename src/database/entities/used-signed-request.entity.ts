import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A request signed for a cloud that was good for a login. It is good for no other. */
@Entity('used_signed_requests')
@Index('ix_used_signed_requests_expires_at', ['expiresAt'])
export class UsedSignedRequest {
  /** The hash of its signature. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'pk_used_signed_requests' })
  digest!: Buffer;

  /** From then on its date is refused anyway. */
  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3 })
  expiresAt!: Date;
}
