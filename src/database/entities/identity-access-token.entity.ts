import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { TrustedIp } from '../../common/net/trusted-ips';
import { bigintAsNumber } from './bigint.transformer';
import { TimestampedEntity } from './timestamped.entity';
import type { IdentityAuth } from './access-token.claims';

/** An access token. The row is the truth about it; the JWT only names the row (decisions 1). */
@Entity('identity_access_tokens')
@Index('ix_identity_access_tokens_list', ['identityId', 'authMethod', 'createdAt', 'id'])
@Index('ix_identity_access_tokens_expires_at', ['expiresAt'])
@Index('uq_identity_access_tokens_key_hash', ['keyHash'], { unique: true, where: 'key_hash IS NOT NULL' })
@Index('ix_identity_access_tokens_revoked_at', ['revokedAt'], { where: 'expires_at IS NULL' })
@Index('ix_identity_access_tokens_ends_at', ['endsAt'], { where: 'ends_at IS NOT NULL AND expires_at IS NULL' })
@Index('ix_identity_access_tokens_all_ends', ['endsAt'], { where: 'ends_at IS NOT NULL' })
@Index('ix_identity_access_tokens_keys', ['organizationId', 'createdAt', 'id'], { where: "auth_method = 'token-auth'" })
// By organization and by the end, which is an expression: TypeORM must leave it alone.
@Index('ix_identity_access_tokens_ends', { synchronize: false })
@Index('uq_identity_access_tokens_external_id', ['organizationId', 'externalId'], {
  unique: true,
  where: 'external_id IS NOT NULL AND rotated_to IS NULL',
})
export class IdentityAccessToken extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_identity_access_tokens' })
  id!: string;

  /**
   * No foreign key, here and below: the deletion of an identity must not delete its tokens one by one. Without their method
   * they are refused.
   */
  @Column('uuid', { name: 'identity_id' })
  identityId!: string;

  /** The organization of the token. */
  @Column('uuid', { name: 'organization_id' })
  organizationId!: string;

  /**
   * The configuration under which the token was issued. Once that is gone, the token is refused. A configuration that is
   * attached later has another id, so that it can never revive the token.
   */
  @Column('uuid', { name: 'auth_method_id' })
  authMethodId!: string;

  @Column('text', { name: 'auth_method' })
  authMethod!: string;

  @Column('text', { nullable: true })
  name!: string | null;

  /** Seconds, as configured when the token was issued; 0 means as long as the ceiling allows. */
  @Column('integer', { name: 'access_token_ttl' })
  accessTokenTTL!: number;

  /** Seconds over all renewals; 0 means no limit. */
  @Column('integer', { name: 'access_token_max_ttl' })
  accessTokenMaxTTL!: number;

  @Column('integer', { name: 'access_token_period', default: 0 })
  accessTokenPeriod!: number;

  /** The lifetime in seconds of the last JWT; 0 if it never expires. */
  @Column('integer', { name: 'signed_ttl', default: 0 })
  signedTTL!: number;

  @Column('integer', { name: 'num_uses_limit', default: 0 })
  numUsesLimit!: number;

  @Column('bigint', { name: 'num_uses', default: 0, transformer: bigintAsNumber })
  numUses!: number;

  @Column({ type: 'timestamptz', name: 'last_used_at', precision: 3, nullable: true })
  lastUsedAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'last_renewed_at', precision: 3, nullable: true })
  lastRenewedAt!: Date | null;

  /** When the last JWT of this token expires; null if never. */
  @Column({ type: 'timestamptz', name: 'expires_at', precision: 3, nullable: true })
  expiresAt!: Date | null;

  @Column({ type: 'timestamptz', name: 'revoked_at', precision: 3, nullable: true })
  revokedAt!: Date | null;

  /** The client secret that a Universal Auth login used; null for tokens made by hand. */
  @Column('uuid', { name: 'client_secret_id', nullable: true })
  clientSecretId!: string | null;

  /** Facts that the login found about the identity; null if there are none. */
  @Column('json', { name: 'identity_auth', nullable: true })
  identityAuth!: IdentityAuth | null;

  /** The host's own id of the key. The key that takes the place of this one has the same. */
  @Column('text', { name: 'external_id', nullable: true })
  externalId!: string | null;

  /** The host's own labels of the key. */
  @Column('jsonb', { nullable: true })
  metadata!: Record<string, string> | null;

  /** By subject the actions; null for the permissions of the identity's role. */
  @Column('jsonb', { nullable: true })
  permissions!: Record<string, string[]> | null;

  /** Null for the addresses of the method. */
  @Column('jsonb', { name: 'trusted_ips', nullable: true })
  trustedIps!: TrustedIp[] | null;

  /** Null for none. */
  @Column('jsonb', { name: 'rate_limits', nullable: true })
  rateLimits!: { limit: number; perSeconds: number }[] | null;

  /** Whether the host gave the end of the token, or said that it has none: then it is not that of the method's policy. */
  @Column('boolean', { name: 'is_end_given', default: false })
  isEndGiven!: boolean;

  @Column({ type: 'timestamptz', name: 'disabled_at', precision: 3, nullable: true })
  disabledAt!: Date | null;

  /** An end that its JWT does not know of; null if there is none. */
  @Column({ type: 'timestamptz', name: 'ends_at', precision: 3, nullable: true })
  endsAt!: Date | null;

  /** The token that has taken the place of this one. */
  @Column('uuid', { name: 'rotated_to', nullable: true })
  rotatedTo!: string | null;

  /** A digest of the key by which a repeated call is told from another one. */
  @Column('bytea', { name: 'rotation_key', nullable: true })
  rotationKey!: Buffer | null;

  /** The first key of its rotations, with which it shares the count of rate limits; null for a key that replaced none. */
  @Column('uuid', { name: 'counted_with', nullable: true })
  countedWith!: string | null;

  /** The token that ends when this one is first used. */
  @Column('uuid', { name: 'ends_token_id', nullable: true })
  endsTokenId!: string | null;

  /** How many uses come back at each interval; 0 for none. */
  @Column('integer', { name: 'uses_refill_amount', default: 0 })
  usesRefillAmount!: number;

  /** In seconds. */
  @Column('integer', { name: 'uses_refill_interval', default: 0 })
  usesRefillInterval!: number;

  /** How many uses have come back up to `usesRefilledAt`. */
  @Column('bigint', { name: 'uses_refilled', default: 0, transformer: bigintAsNumber })
  usesRefilled!: number;

  @Column({ type: 'timestamptz', name: 'uses_refilled_at', precision: 3, nullable: true })
  usesRefilledAt!: Date | null;

  /** The keyed hash of a short key; null for a token that is a JWT. */
  @Column('bytea', { name: 'key_hash', nullable: true, select: false })
  keyHash?: Buffer | null;

  /** The prefix and the first characters of a short key. */
  @Column('text', { name: 'visible_start', nullable: true })
  visibleStart!: string | null;
}
