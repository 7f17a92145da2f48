import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { bigintAsNumber } from './bigint.transformer';
import { TimestampedEntity } from './timestamped.entity';
import { IdentityAuthMethod } from './identity-auth-method.entity';

/** A secret with which a client logs in. The secret itself is stored nowhere. */
@Entity('client_secrets')
@Unique('uq_client_secrets_hash', ['hash'])
@Index('ix_client_secrets_list', ['authMethodId', 'createdAt', 'id'])
export class ClientSecret extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_client_secrets' })
  id!: string;

  @Column('uuid', { name: 'auth_method_id' })
  authMethodId!: string;

  @ManyToOne(() => IdentityAuthMethod, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'auth_method_id', foreignKeyConstraintName: 'fk_client_secrets_auth_method' })
  authMethod?: Relation<IdentityAuthMethod>;

  @Column('uuid', { name: 'identity_id' })
  identityId!: string;

  /** A keyed hash: the database alone is not enough to make or to try one. */
  @Column('bytea')
  hash!: Buffer;

  /** The first characters of the secret, by which people recognise it. */
  @Column('text')
  prefix!: string;

  @Column('text')
  description!: string;

  /** Seconds from its creation until the secret expires; 0 means never. */
  @Column('integer')
  ttl!: number;

  /** 0 means no limit. */
  @Column('integer', { name: 'num_uses_limit' })
  numUsesLimit!: number;

  @Column('bigint', { name: 'num_uses', default: 0, transformer: bigintAsNumber })
  numUses!: number;

  @Column({ type: 'timestamptz', name: 'last_used_at', precision: 3, nullable: true })
  lastUsedAt!: Date | null;

  /** Once this is set, the tokens obtained with the secret are refused. */
  @Column({ type: 'timestamptz', name: 'revoked_at', precision: 3, nullable: true })
  revokedAt!: Date | null;

  /** The end of a secret that was rotated: it expires then at the latest. */
  @Column({ type: 'timestamptz', name: 'ends_at', precision: 3, nullable: true })
  endsAt!: Date | null;

  /** The secret that has taken the place of this one. */
  @Column('uuid', { name: 'rotated_to', nullable: true })
  rotatedTo!: string | null;

  /** A digest of the key by which a repeated rotation is told from another one. */
  @Column('bytea', { name: 'rotation_key', nullable: true })
  rotationKey!: Buffer | null;

  /** The secret that ends when this one is first used. */
  @Column('uuid', { name: 'ends_secret_id', nullable: true })
  endsSecretId!: string | null;

  /** Null for a secret that never expires. */
  get expiresAt(): Date | null {
    const ends = this.ttl === 0 ? [] : [this.createdAt.getTime() + this.ttl * 1000];
    if (this.endsAt !== null) ends.push(this.endsAt.getTime());
    return ends.length === 0 ? null : new Date(Math.min(...ends));
  }
}
