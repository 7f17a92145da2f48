import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';

/** A tenant. Nothing of one organization is visible from another. */
@Entity('organizations')
@Unique('uq_organizations_slug', ['slug'])
@Index('ix_organizations_list', ['createdAt', 'id'])
export class Organization extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_organizations' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  slug!: string;
}
