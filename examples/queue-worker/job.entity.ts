import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Work to be done for somebody, later. */
@Entity('jobs')
export class Job {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  task!: string;

  /** Whose orders it is done on. A token in a queue is a token at rest: make such tokens short-lived. */
  @Column('text')
  accessToken!: string;

  /** Where the order came from: the token may be good from there only. */
  @Column('text', { nullable: true })
  address!: string | null;

  @Column('text', { default: 'waiting' })
  state!: 'waiting' | 'done' | 'refused';

  @Column('text', { nullable: true })
  outcome!: string | null;
}
