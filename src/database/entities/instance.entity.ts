import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that says whether this installation is set up. Only the migration inserts it. */
@Entity('instance')
@Check('ck_instance_singleton', '"id" = 1')
export class Instance {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'pk_instance' })
  id!: number;

  @Column({ type: 'timestamptz', name: 'initialized_at', precision: 3, nullable: true })
  initializedAt!: Date | null;

  /** Tokens issued before this time are refused, whatever their rows say; null for no such time. */
  @Column({ type: 'timestamptz', name: 'tokens_refused_before', precision: 3, nullable: true })
  tokensRefusedBefore!: Date | null;

  /** Client secrets made before this time are refused, with tokens obtained with them; null for no such time. */
  @Column({ type: 'timestamptz', name: 'client_secrets_refused_before', precision: 3, nullable: true })
  clientSecretsRefusedBefore!: Date | null;
}
