import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that says whether this installation has been set up. The migration inserts it; nobody else may. */
@Entity('instance')
@Check('ck_instance_singleton', '"id" = 1')
export class Instance {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_instance' })
  id!: number;

  @Column({ type: 'timestamptz', name: 'initialized_at', precision: 3, nullable: true })
  initializedAt!: Date | null;

  /** Tokens made before are refused, whatever their rows say; null for none. */
  @Column({ type: 'timestamptz', name: 'tokens_refused_before', precision: 3, nullable: true })
  tokensRefusedBefore!: Date | null;

  /** Client secrets made before are refused, and tokens that came of them; null for none. */
  @Column({ type: 'timestamptz', name: 'client_secrets_refused_before', precision: 3, nullable: true })
  clientSecretsRefusedBefore!: Date | null;
}
