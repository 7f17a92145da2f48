import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';

/** A tenant. Nothing of one organization is visible from another. */
@Entity('organizations')
@Unique('uq_organizations_slug', ['slug'])
@Index('ix_organizations_list', ['createdAt', 'id'])
@Index('uq_organizations_external_id', ['externalId'], { unique: true, where: 'external_id IS NOT NULL' })
export class Organization extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_organizations' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  slug!: string;

  /** The host's own id of the tenant. */
  @Column('text', { name: 'external_id', nullable: true })
  externalId!: string | null;
}
