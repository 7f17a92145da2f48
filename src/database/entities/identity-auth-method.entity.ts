import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { readTrustedIps, type TrustedIp } from '../../common/net/trusted-ips';
import { TimestampedEntity } from './timestamped.entity';
import { Identity } from './identity.entity';

/** A way for an identity to obtain access tokens, and the policy of those tokens. */
@Entity('identity_auth_methods')
@Unique('uq_identity_auth_methods_method', ['identityId', 'method'])
@Unique('uq_identity_auth_methods_client_id', ['clientId'])
export class IdentityAuthMethod extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_identity_auth_methods' })
  id!: string;

  @Column('uuid', { name: 'identity_id' })
  identityId!: string;

  @ManyToOne(() => Identity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'identity_id', foreignKeyConstraintName: 'fk_identity_auth_methods_identity' })
  identity?: Relation<Identity>;

  @Column('text')
  method!: string;

  /** Seconds; 0 means as long as the ceiling allows. */
  @Column('integer', { name: 'access_token_ttl' })
  accessTokenTTL!: number;

  /** Seconds over all renewals; 0 means no limit. */
  @Column('integer', { name: 'access_token_max_ttl' })
  accessTokenMaxTTL!: number;

  /** 0 means no limit. */
  @Column('integer', { name: 'access_token_num_uses_limit' })
  accessTokenNumUsesLimit!: number;

  /** Seconds between renewals of a periodic token; 0 if tokens are not periodic. */
  @Column('integer', { name: 'access_token_period', default: 0 })
  accessTokenPeriod!: number;

  @Column('jsonb', {
    name: 'access_token_trusted_ips',
    transformer: { to: (list: TrustedIp[]) => list, from: readTrustedIps },
  })
  accessTokenTrustedIps!: TrustedIp[];

  /** The method's own settings, beyond the policy of its tokens; typed and validated by the method's own DTO. */
  @Column('jsonb', { default: {} })
  config!: object;

  /** The method's secrets, encrypted by `MethodSecretsService`; null if there are none. */
  @Column('bytea', { name: 'sealed_secrets', nullable: true })
  sealedSecrets!: Buffer | null;

  /** The client id, for methods whose logins do not name the identity by its own id. */
  @Column('uuid', { name: 'client_id', nullable: true })
  clientId!: string | null;
}
