import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';
import { Organization } from './organization.entity';
import { Identity } from './identity.entity';
import { CustomRole } from './custom-role.entity';

/** The role of an identity in an organization. Without an active membership its tokens are refused there. */
@Entity('organization_memberships')
@Unique('uq_organization_memberships_identity', ['organizationId', 'identityId'])
@Index('ix_organization_memberships_identity', ['identityId'])
@Index('ix_organization_memberships_admin', ['organizationId', 'identityId'], { where: "role = 'admin'" })
@Index('ix_organization_memberships_list', ['organizationId', 'createdAt', 'id'])
@Index('ix_organization_memberships_role', ['organizationId', 'role', 'id'])
@Index('ix_organization_memberships_custom_role', ['customRoleId'], { where: 'custom_role_id IS NOT NULL' })
export class OrganizationMembership extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_organization_memberships' })
  id!: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId!: string;

  @ManyToOne(() => Organization, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'organization_id', foreignKeyConstraintName: 'fk_organization_memberships_organization' })
  organization?: Relation<Organization>;

  @Column('uuid', { name: 'identity_id' })
  identityId!: string;

  @ManyToOne(() => Identity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'identity_id', foreignKeyConstraintName: 'fk_organization_memberships_identity' })
  identity?: Relation<Identity>;

  /** The slug of a built-in role; `custom` for one that the organization has made. */
  @Column('text')
  role!: string;

  @Column('uuid', { name: 'custom_role_id', nullable: true })
  customRoleId!: string | null;

  @ManyToOne(() => CustomRole)
  @JoinColumn({ name: 'custom_role_id', foreignKeyConstraintName: 'fk_organization_memberships_custom_role' })
  customRole?: Relation<CustomRole> | null;

  @Column('boolean', { name: 'is_active', default: true })
  isActive!: boolean;

  @Column('text', { name: 'last_login_auth_method', nullable: true })
  lastLoginAuthMethod!: string | null;

  @Column({ type: 'timestamptz', name: 'last_login_at', precision: 3, nullable: true })
  lastLoginAt!: Date | null;
}
