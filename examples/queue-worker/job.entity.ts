import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Work to be done for somebody, later. */
@Entity('jobs')
export class Job {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column('text')
  task!: string;

  /** The identity that ordered it, and nobody else is told of it. */
  @Column('uuid')
  orderedBy!: string;

  /**
   * On whose orders it is done. A token in a queue is a token at rest: make such tokens short-lived. Null once the job is
   * settled, for it is needed no more.
   */
  @Column('text', { nullable: true })
  accessToken!: string | null;

  /** Where the order came from: the token may be good from there only. */
  @Column('text', { nullable: true })
  address!: string | null;

  @Column('text', { default: 'waiting' })
  state!: 'waiting' | 'done' | 'refused';

  @Column('text', { nullable: true })
  outcome!: string | null;
}
