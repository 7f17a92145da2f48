import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';
import { Organization } from './organization.entity';

/** A program that has a name here. It belongs to one organization and holds no credentials itself. */
@Entity('identities')
@Index('ix_identities_organization', ['organizationId', 'createdAt', 'id'])
@Index('ix_identities_instance_admin', ['id'], { where: 'is_instance_admin' })
@Index('ix_identities_name', ['organizationId', 'name', 'id'])
export class Identity extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_identities' })
  id!: string;

  @Column('uuid', { name: 'organization_id' })
  organizationId!: string;

  @ManyToOne(() => Organization, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'organization_id', foreignKeyConstraintName: 'fk_identities_organization' })
  organization?: Relation<Organization>;

  @Column('text')
  name!: string;

  @Column('boolean', { name: 'has_delete_protection', default: false })
  hasDeleteProtection!: boolean;

  /** The identity may manage organizations, and only identities like it may change it (decision 20). */
  @Column('boolean', { name: 'is_instance_admin', default: false })
  isInstanceAdmin!: boolean;
}
