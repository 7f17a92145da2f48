import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('customers')
export class Customer {
  /** The organization all its keys belong to. */
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  name!: string;
}
