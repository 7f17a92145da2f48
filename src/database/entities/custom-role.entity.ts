import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';
import { Organization } from './organization.entity';

/** A role that an organization has made itself. */
@Entity('roles')
@Index('uq_roles_slug', ['organizationId', 'slug'], { unique: true, where: "scope = 'organization'" })
export class CustomRole extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_roles' })
  id!: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId!: string;

  @ManyToOne(() => Organization, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'organization_id', foreignKeyConstraintName: 'fk_roles_organization' })
  organization?: Relation<Organization>;

  /** `organization` is the only one so far. */
  @Column('text', { default: 'organization' })
  scope!: string;

  @Column('text')
  slug!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  description!: string | null;

  /** The rules, packed. */
  @Column('jsonb')
  permissions!: unknown;
}
