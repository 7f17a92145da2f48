import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { TimestampedEntity } from './timestamped.entity';

/** The person who set the installation up. */
@Entity('users')
@Unique('uq_users_email', ['email'])
export class User extends TimestampedEntity {
  @PrimaryGeneratedColumn('uuid', { primaryKeyConstraintName: 'pk_users' })
  id!: string;

  /** In lower case. */
  @Column('text')
  email!: string;

  @Column('text', { name: 'first_name' })
  firstName!: string;

  @Column('text', { name: 'last_name' })
  lastName!: string;

  /** scrypt, in PHC string format. */
  @Column('text', { name: 'password_hash', select: false })
  passwordHash!: string;

  @Column('boolean', { name: 'is_super_admin', default: false })
  isSuperAdmin!: boolean;
}
