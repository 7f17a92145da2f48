import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that says whether this installation has been set up. The migration inserts it; nobody else may. */
@Entity('instance')
@Check('ck_instance_singleton', '"id" = 1')
export class Instance {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_instance' })
  id!: number;

  @Column({ type: 'timestamptz', name: 'initialized_at', precision: 3, nullable: true })
  initializedAt!: Date | null;
}
