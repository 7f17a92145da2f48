import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { Identity } from './identity.entity';

/** A label of an identity. */
@Entity('identity_metadata')
@Unique('uq_identity_metadata_key', ['identityId', 'key'])
@Index('ix_identity_metadata_identity', ['identityId', 'position'])
export class IdentityMetadata {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_identity_metadata' })
  id!: string;

  @Column('uuid', { name: 'identity_id' })
  identityId!: string;

  @ManyToOne(() => Identity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'identity_id', foreignKeyConstraintName: 'fk_identity_metadata_identity' })
  identity?: Relation<Identity>;

  @Column('text')
  key!: string;

  @Column('text')
  value!: string;

  /** Its place in the list that was sent. */
  @Column('integer')
  position!: number;
}
